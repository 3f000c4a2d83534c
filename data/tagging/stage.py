"""The stage that writes what judges said into records; it reads answers and asks nobody.

Guarantees: `metadata.tags` holds the domain that most judges named, then those of its tags that at
least half of them named; `metadata.quality` and `metadata.judged_difficulty` are means from 0 to 1.
A record whose judges gave nothing that can be read stays as it is, without them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, ClassVar, Final

from data.asking.asked import Asked
from data.pipeline.block import Drop, Outcome
from data.schema import Record
from data.tagging.taxonomy import Taxonomy
from data.tagging.wording import Judged, judged

LOW: Final = "low quality"


@dataclass(frozen=True, slots=True)
class Tagged:
    """Adds tags, quality and difficulty to records.

    Attributes:
        judges: what was asked of each.
        domains: the taxonomy.
        lowest: quality below which a record is dropped, from 0 to 1.
    """

    name: ClassVar[str] = "tags"

    judges: tuple[Asked, ...]
    domains: Mapping[str, Sequence[str]]
    lowest: float = 0.0

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record."""
        taxonomy = Taxonomy({domain: tuple(tags) for domain, tags in self.domains.items()})
        kept, dropped = [], []
        for record in records:
            said = [
                judged(answer, taxonomy) for one in self.judges for answer in one.answers(record.id)
            ]
            facts = _facts([one for one in said if one is not None])
            told = record.model_copy(update={"metadata": {**record.metadata, **facts}})
            quality = facts.get("quality")
            if quality is not None and quality < self.lowest:
                dropped.append(Drop(told, self.name, LOW, f"quality {quality:g}"))
            else:
                kept.append(told)
        return Outcome(kept, dropped)


def _facts(said: Sequence[Judged]) -> dict[str, Any]:
    """What judges agree on, as metadata; nothing where none said anything."""
    if not said:
        return {}
    (domain, _), *_ = Counter(one.domain for one in said).most_common(1)
    agreeing = [one for one in said if one.domain == domain]
    votes = Counter(tag for one in agreeing for tag in one.tags)
    tags = [tag for tag, times in votes.items() if 2 * times >= len(agreeing)]
    return {
        "tags": [domain, *tags],
        "quality": round(fmean(one.quality for one in said), 4),
        "judged_difficulty": round(fmean(one.difficulty for one in said), 4),
    }
