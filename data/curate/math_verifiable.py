r"""The check that a reference can be verified: rewritten it passes, and near misses fail.

Guarantees: each record is kept or dropped with one of `REASONS`. Nearly all comparisons take
microseconds; those that need computer algebra go to `math_equal`'s worker, and end by `DEADLINE`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from data.curate.math_rewriting import near_misses, rewritings
from data.pipeline.block import Drop, Outcome
from data.schema import Record
from rewards.math import math_equal
from rewards.math.equal import decide
from rewards.math.references import UnreadableError, alternatives

REASONS: Final = ("unreadable reference", "rewritten answer fails", "near miss passes")
DEADLINE: Final = 3.0  # seconds of one comparison
SHOWN: Final = 160  # characters of a detail


@dataclass(frozen=True, slots=True)
class MathVerifiable:
    """Keeps records whose reference `math_equal` reads, and tells from near misses.

    A record without a reference has nothing to check: `MathReferences` says whether it goes on.
    """

    name: ClassVar[str] = "math verifiable"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record."""
        kept: list[Record] = []
        dropped: list[Drop] = []
        for record in records:
            why = None if record.reference is None else _fault(record.reference)
            if why is None:
                kept.append(record)
            else:
                dropped.append(Drop(record, self.name, why[0], why[1][:SHOWN]))
        return Outcome(kept, dropped)


def _fault(reference: object) -> tuple[str, str] | None:
    try:
        golds = alternatives(reference)
    except UnreadableError as error:
        return "unreadable reference", str(error)
    for gold in golds[1:] or golds:
        for form in rewritings(gold):
            if not _same(form, reference, golds):
                return "rewritten answer fails", f"{form} is not taken for {gold}"
        for other in near_misses(gold):
            if _same(other, reference, golds):
                return "near miss passes", f"{other} is taken for {gold}"
    return None


def _same(answer: str, reference: object, golds: tuple[str, ...]) -> bool:
    """What `math_equal` says; of a choice's alternatives the last is the value."""
    decisions = [decide(answer, gold).same for gold in golds]
    if any(decisions) or decisions[-1] is not None:
        return any(decisions)
    text = reference if isinstance(reference, str) else golds[0]
    return math_equal(answer, text, deadline=DEADLINE)
