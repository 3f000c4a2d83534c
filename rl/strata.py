"""How hard the prompts of a step were: counts of easy, medium and hard ones.

`measured` goes by the pass rate that the data has of a prompt, from before the run; `now` by the
group's own answers: all right, some, or none. Guarantee: a group is in exactly one stratum of each,
`unknown` where nothing was measured or nothing could be graded.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from data.schema import STRATA, stratum
from rl.groups import Group

UNKNOWN: Final = "unknown"
NAMES: Final = (*STRATA, UNKNOWN)
Counts = Mapping[str, Mapping[str, int]]
"""Groups by stratum, under `measured` and `now`."""


class StrataTally:
    """Counts over groups, and over those of each source where there are several."""

    def __init__(self) -> None:
        self._all = _Pair()
        self._by_source: dict[str, _Pair] = {}

    def add(self, group: Group) -> None:
        """Count a group."""
        self._all.add(group)
        if group.prompt.source:
            self._by_source.setdefault(group.prompt.source, _Pair()).add(group)

    def counts(self) -> Counts:
        """Of all groups."""
        return self._all.counts()

    def by_source(self) -> Mapping[str, Counts]:
        """Of the groups of each source."""
        return {name: self._by_source[name].counts() for name in sorted(self._by_source)}


def strata_row(sampled: StrataTally, trained: Iterable[Group]) -> dict[str, Any]:
    """What metrics.jsonl has of a step.

    Args:
        sampled: of the groups that ended.
        trained: the batch.
    """
    batch = StrataTally()
    for group in trained:
        batch.add(group)
    sources = {**sampled.by_source(), **batch.by_source()}
    return {
        "strata": {"sampled": sampled.counts(), "trained": batch.counts()},
        "strata_by_source": {
            name: {
                "sampled": sampled.by_source().get(name, _Pair().counts()),
                "trained": batch.by_source().get(name, _Pair().counts()),
            }
            for name in sorted(sources)
        },
    }


class _Pair:
    def __init__(self) -> None:
        self._measured: Counter[str] = Counter()
        self._now: Counter[str] = Counter()

    def add(self, group: Group) -> None:
        evidence, graded = group.prompt.evidence, len(group.gradable)
        right = sum(verdict.is_correct for verdict in group.verdicts)
        self._measured[stratum(*evidence) if evidence is not None else UNKNOWN] += 1
        self._now[stratum(right, graded) if graded else UNKNOWN] += 1

    def counts(self) -> Counts:
        return {
            "measured": {name: self._measured[name] for name in NAMES},
            "now": {name: self._now[name] for name in NAMES},
        }
