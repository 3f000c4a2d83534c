"""How many rows fit a filter, and how they spread over the values that may be chosen next."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from launch.view.filters import Filter

FACETS: Final = ("outcome", "task", "source", "kind", "stop", "ending")
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
    head = ask(
        "SELECT count(*), count(DISTINCT (doc >> 24) * 16777216 + grp % 16777216), "
        f"avg(reward), min(step), max(step) FROM light WHERE {condition}",
        values,
    )[0]
    found: dict[str, Any] = dict(zip(("rows", "groups", "reward", "from", "to"), head, strict=True))
    plain = [name for name in FACETS if not getattr(asked, name)]
    together = _together(ask, condition, values, plain) if plain else []
    for name in FACETS:
        if name in plain:
            found[name] = [row[1:] for row in together if row[0] == name]
            continue
        condition, values = asked.condition(without=name)
        found[name] = ask(
            f"SELECT {name}, count(*) AS n FROM light WHERE {condition} AND {name} IS NOT NULL "
            f"GROUP BY {name} ORDER BY n DESC, {name} LIMIT {SHOWN}",
            values,
        )
    return found


def _together(
    ask: Ask, condition: str, values: Sequence[Any], names: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Facets in one pass over the rows, by the combinations that there are: name, value, rows."""
    parts = [
        f"(SELECT '{name}', {name}, sum(n)::BIGINT AS n FROM found WHERE {name} IS NOT NULL "
        f"GROUP BY {name} ORDER BY n DESC, {name} LIMIT {SHOWN})"
        for name in names
    ]
    return ask(
        f"WITH found AS MATERIALIZED (SELECT {', '.join(names)}, count(*) AS n FROM light "
        f"WHERE {condition} GROUP BY {', '.join(names)}) {' UNION ALL '.join(parts)}",
        values,
    )
