"""`plumb eval compare A B`: how much better B is than A on the same prompts, and how sure that is.

Guarantees: pairs are prompts, told by their content; results that were asked other prompts are
refused, with the first that only one has. A prompt counts where both have graded answers to it.
The bootstrap is of prompts (Efron, 1979): answers to one prompt are no independent draws. The same
files give the same numbers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from launch.evaluate.differences import judged_by, set_differences
from launch.evaluate.results import ANSWERS, RESULTS
from launch.evaluate.table import percent, show_table
from rl.errors import ConfigError

RESAMPLES: Final = 10_000
_AT_ONCE: Final = 2_000_000  # numbers that are drawn at once
_SEED: Final = 0

Shares = Mapping[str, tuple[str, float | None]]
"""By a prompt's digest: its name, and the share of right answers among the graded."""


@dataclass(frozen=True, slots=True)
class Result:
    """An evaluation on disk."""

    path: Path
    about: Mapping[str, Any]
    sets: Mapping[str, Shares]

    @property
    def name(self) -> str:
        """What was evaluated."""
        return str(self.about["model"])


@dataclass(frozen=True, slots=True)
class Difference:
    """Two results on one set.

    Attributes:
        prompts: that count.
        left_out: without a graded answer in one of them.
        first: accuracy of the first.
        second: of the second.
        low: of the interval of 95 % of second - first.
        high: its other end.
        p: chance of a difference as large if there were none, both ways.
        better: prompts on which the second is right more often.
        worse: less often.
    """

    prompts: int
    left_out: int
    first: float
    second: float
    low: float
    high: float
    p: float
    better: int
    worse: int


def read_result(folder: Path) -> Result:
    """The evaluation in a folder.

    Raises:
        ConfigError: it holds none that is finished, or it cannot be read.
    """
    import pyarrow as pa
    from pyarrow import parquet

    for name in (RESULTS, ANSWERS):
        if not (folder / name).is_file():
            raise ConfigError(
                f"{folder}: holds no finished evaluation ({name} is not there); give the --out "
                "folder of a plumb eval"
            )
    try:
        about = json.loads((folder / RESULTS).read_text("utf-8"))
        if not isinstance(about, dict) or "plumb_evaluation" not in about:
            raise ConfigError(f"{folder / RESULTS}: is not of plumb eval")
        names = ["set", "digest", "prompt_id", "outcome"]
        table = parquet.read_table(folder / ANSWERS, columns=names)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        said = " ".join(str(error).split())[:200]
        raise ConfigError(f"{folder}: the evaluation cannot be read: {said}") from error
    shares = _shares(table.to_pylist())
    told = about.get("sets")
    for name in shares:
        if not isinstance(told, dict) or name not in told:
            raise ConfigError(
                f"{folder}: {ANSWERS} holds the set {name}, of which {RESULTS} knows nothing: give "
                "plumb eval's command again"
            )
    return Result(folder, about, shares)


def compare(first: Result, second: Result, sets: Sequence[str]) -> dict[str, Difference]:
    """By set, how the second differs from the first.

    Args:
        first: one result.
        second: the other.
        sets: those that count; none: all, which both have to have.

    Raises:
        ConfigError: they were not asked the same.
    """
    return {
        name: difference(first.sets[name], second.sets[name], name)
        for name in _common(first, second, sets)
    }


def difference(first: Shares, second: Shares, name: str) -> Difference:
    """How two results on one set differ; raises ConfigError if the prompts are not the same."""
    for one, other, which in ((first, second, "the first"), (second, first, "the second")):
        only = [digest for digest in one if digest not in other]
        if only:
            raise ConfigError(
                f"the set {name}: {len(only)} of its {len(one)} prompts are in {which} result "
                f"alone, such as {one[only[0]][0]!r}: evaluate both on the same file, with the "
                "same wording and --limit"
            )
    pairs = [(first[digest][1], second[digest][1]) for digest in first]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not known:
        raise ConfigError(f"the set {name}: no prompt has graded answers in both results")
    values = np.array(known, np.float64)
    gaps = values[:, 1] - values[:, 0]
    low, high, p = bootstrap(gaps)
    return Difference(
        prompts=len(known),
        left_out=len(pairs) - len(known),
        first=float(values[:, 0].mean()),
        second=float(values[:, 1].mean()),
        low=low,
        high=high,
        p=p,
        better=int((gaps > 0).sum()),
        worse=int((gaps < 0).sum()),
    )


def bootstrap(
    gaps: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = _SEED
) -> tuple[float, float, float]:
    """The 95 % percentile interval of the mean of paired gaps, and its two-sided p.

    p is twice the smaller share of resamples on one side of 0, with one added to each count
    (Davison and Hinkley, 1997, section 4.2).
    """
    draw = np.random.default_rng(seed)
    size = len(gaps)
    means = np.empty(resamples)
    each = max(1, _AT_ONCE // size)
    for begin in range(0, resamples, each):
        some = min(each, resamples - begin)
        means[begin : begin + some] = gaps[draw.integers(0, size, (some, size))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    # Rounding of a sum must not take a mean of 0 to one side.
    near = 1e-12
    sides = min(int((means <= near).sum()), int((means >= -near).sum()))
    return float(low), float(high), min(1.0, 2 * (sides + 1) / (resamples + 1))


def show_comparison(
    first: Result, second: Result, found: Mapping[str, Difference], *, as_json: bool
) -> None:
    """Print what was found."""
    if as_json:
        from dataclasses import asdict

        print(
            json.dumps(
                {
                    "first": first.about["model"],
                    "second": second.about["model"],
                    "resamples": RESAMPLES,
                    "notes": notes(first, second, list(found)),
                    "sets": {name: asdict(one) for name, one in found.items()},
                },
                indent=1,
            )
        )
        return
    print(f"A: {first.name} ({first.path})\nB: {second.name} ({second.path})")
    for note in notes(first, second, list(found)):
        print(note)
    heads = ["set", "prompts", "A", "B", "B - A", "95 % interval", "p", "B better", "B worse"]
    rows = [
        [
            name,
            f"{one.prompts:,}",
            percent(one.first),
            percent(one.second),
            f"{one.second - one.first:+.1%}",
            f"{one.low:+.1%} to {one.high:+.1%}",
            f"{one.p:.4f}",
            f"{one.better:,}",
            f"{one.worse:,}",
        ]
        for name, one in found.items()
    ]
    show_table(heads, rows)
    left = sum(one.left_out for one in found.values())
    if left:
        print(f"{left} prompts have no graded answer in one of them and do not count")


def notes(first: Result, second: Result, sets: Sequence[str]) -> list[str]:
    """What else differs than the model, a line each."""
    found = []
    for name in sets:
        one, other = (result.about["sets"][name] for result in (first, second))
        found += [f"note: {name}: {line}" for line in set_differences(one, other)]
    if judged_by(first.about.get("reward")) != judged_by(second.about.get("reward")):
        found.append("note: they were graded by other verifiers or options")
    return found


def _common(first: Result, second: Result, sets: Sequence[str]) -> list[str]:
    for name in sets:
        for result in (first, second):
            if name not in result.sets:
                raise ConfigError(
                    f"{result.path} has no set {name!r}; it has {', '.join(result.sets)}"
                )
    if sets:
        return list(dict.fromkeys(sets))
    for one, other in ((first, second), (second, first)):
        only = [name for name in one.sets if name not in other.sets]
        if only:
            shared = [name for name in one.sets if name in other.sets]
            remedy = (
                f"compare what both have: {' '.join(f'--set {name}' for name in shared)}"
                if shared
                else "they have none in common"
            )
            raise ConfigError(f"the set {only[0]} is only in {one.path}; {remedy}")
    return list(first.sets)


def _shares(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, tuple[str, float | None]]]:
    """By set and prompt, the share of right answers."""
    counts: dict[str, dict[str, tuple[str, list[bool]]]] = {}
    for row in rows:
        _, right = counts.setdefault(row["set"], {}).setdefault(
            row["digest"], (row["prompt_id"], [])
        )
        if row["outcome"] != "ungradable":
            right.append(row["outcome"] == "correct")
    return {
        name: {
            digest: (prompt, sum(right) / len(right) if right else None)
            for digest, (prompt, right) in prompts.items()
        }
        for name, prompts in counts.items()
    }
