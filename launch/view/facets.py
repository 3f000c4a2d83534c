"""How many rows fit a filter, and how they spread over the values that may be chosen next."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from launch.view.filters import Filter
from launch.view.light_columns import MIXED

SHOWN: Final = 24  # values of a facet
Ask = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


def counted(ask: Ask, asked: Filter) -> dict[str, Any]:
    """Rows, groups, mean reward and steps; of each facet its most frequent values.

    A facet that is chosen from is counted as if it were not, so that another choice is seen.

    Args:
        ask: gives the rows of a statement with its parameters.
        asked: the filter.
    """
    condition, values = asked.condition()
    groups = ask(
        "SELECT count(DISTINCT (doc >> 24) * 16777216 + grp % 16777216) "
        f"FROM light WHERE {condition}",
        values,
    )[0][0]
    # The rows are gone through once; all else is counted by the few mixes that there are.
    rows, given = asked.condition(without=MIXED)
    chosen, of_chosen = _of_mixes(asked)
    parts = [
        "SELECT '', NULL, coalesce(sum(n), 0)::BIGINT, sum(total) / nullif(sum(graded), 0), "
        f"min(low), max(high) FROM found WHERE {chosen}"
    ]
    given += of_chosen
    for name in MIXED:
        others, of_others = _of_mixes(asked, without=name)
        parts.append(
            f"(SELECT '{name}', {name}, sum(n)::BIGINT AS n, NULL, NULL, NULL FROM found "
            f"WHERE {others} AND {name} IS NOT NULL GROUP BY {name} "
            f"ORDER BY n DESC, {name} LIMIT {SHOWN})"
        )
        given += of_others
    told = ask(
        "WITH found AS MATERIALIZED (SELECT * FROM (SELECT mix, count(*) AS n, "
        "sum(reward) AS total, count(reward) AS graded, min(step) AS low, max(step) AS high "
        f"FROM light WHERE {rows} GROUP BY mix) JOIN mixes USING (mix)) "
        + " UNION ALL ".join(parts),
        given,
    )
    _, _, count, reward, low, high = next(row for row in told if not row[0])
    found: dict[str, Any] = {"rows": count, "groups": groups, "reward": reward}
    found |= {"from": low, "to": high}
    return found | {name: [row[1:3] for row in told if row[0] == name] for name in MIXED}


def _of_mixes(asked: Filter, *, without: str = "") -> tuple[str, list[Any]]:
    """The part of a filter that says what a mix must be."""
    other = {name for name in Filter.model_fields if name not in MIXED or name == without}
    return asked.condition(without=other)
