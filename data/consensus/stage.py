"""The stage that keeps what models agree on; it reads answers and asks nobody.

Section 4.3 of the TeleChat2 report for tool use, section 5.2 for mathematics. Guarantees: a record
with a reference is kept where enough models give it, and one without gets the agreed answer as its
reference, under a new id; whatever does not agree goes to a person's review with every answer. What
is kept can be trained on as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from data.asking.answers import Answer
from data.asking.asked import Asked
from data.consensus.agreement import Opinion, Thresholds, best_opinion, opinion_on
from data.consensus.kinds import KINDS, Kind, Mode
from data.pipeline.block import Drop, Outcome
from data.schema import Record, content_id

FACTS: Final = "consensus"
"""The key of metadata under which the models' answers, or their number, stand."""
_SHOWN: Final = 400


@dataclass(frozen=True, slots=True)
class Consensus:
    """Keeps records on which models agree; those of a task without a rule are dropped.

    Attributes:
        models: What was asked of each model.
        thresholds: How much agreement is wanted.
        mode: How calls are compared where there is no reference yet.
        ignore_reference: Have the models decide, whatever the record's reference is.

    Reasons of review: `no usable answer`, `models disagree`, `models agree on another answer`,
    `agreed answer is no reference`.
    """

    name: ClassVar[str] = "consensus"

    models: tuple[Asked, ...]
    thresholds: Thresholds = field(default_factory=Thresholds)
    mode: Mode = "exact"
    ignore_reference: bool = False

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record."""
        kept: list[Record] = []
        dropped: list[Drop] = []
        review: list[Drop] = []
        for record in records:
            if record.task not in KINDS:
                known = ", ".join(KINDS)
                detail = f"task {record.task!r}: models are compared on {known}"
                dropped.append(Drop(record, self.name, "no rule for the task", detail))
                continue
            decided = self._decide(record)
            if isinstance(decided, Drop):
                review.append(decided)
            else:
                kept.append(decided)
        return Outcome(kept, dropped, review)

    def _decide(self, record: Record) -> Record | Drop:
        kind = KINDS[record.task](record, self.mode)
        answers = {one.model: one.answers(record.id) for one in self.models}
        said = {name: [kind.read(one) for one in given] for name, given in answers.items()}
        within = self.thresholds.within
        if all(one is None for given in said.values() for one in given):
            return self._review(record, kind, answers, "no usable answer")
        if record.reference is not None and not self.ignore_reference:
            found = _on_reference(kind, said)
            if found.holds(self.thresholds):
                return _with_facts(record, found, within)
            best = best_opinion(said, kind.matches, within)
            is_other = best is not None and best.holds(self.thresholds)
            reason = "models agree on another answer" if is_other else "models disagree"
            return self._review(record, kind, answers, reason)
        best = best_opinion(said, kind.matches, within)
        if best is None or not best.holds(self.thresholds):
            return self._review(record, kind, answers, "models disagree")
        if fault := kind.fault(best.answer):
            return self._review(record, kind, answers, "agreed answer is no reference", fault)
        return _with_facts(_completed(record, kind, best.answer), best, within)

    def _review(
        self,
        record: Record,
        kind: Kind,
        answers: Mapping[str, Sequence[Answer]],
        reason: str,
        why: str = "",
    ) -> Drop:
        """The record with every answer, for a person."""
        each = {name: [_held(one) for one in given] for name, given in answers.items()}
        told = record.model_copy(update={"metadata": {**record.metadata, FACTS: each}})
        shown = " | ".join(
            f"{name}: {' / '.join(kind.shown(one) for one in given)}"
            for name, given in answers.items()
        )
        detail = f"{why} | {shown}" if why else shown
        return Drop(told, self.name, reason, detail[:_SHOWN])


def _on_reference(kind: Kind, said: Mapping[str, Sequence[Any]]) -> Opinion[Any]:
    """Who gave what the record's own reference says."""
    return opinion_on(None, said, lambda one, _: kind.is_right(one))


def _completed(record: Record, kind: Kind, answer: Any) -> Record:
    """The record with the agreed answer, and the id that goes with it."""
    fields = kind.completed(answer)
    id = content_id(record.messages, record.tools, fields["reference"], record.task)
    return record.model_copy(update={**fields, "id": id})


def _with_facts(record: Record, opinion: Opinion[Any], within: float) -> Record:
    metadata = {**record.metadata, FACTS: opinion.facts(within)}
    return record.model_copy(update={"metadata": metadata})


def _held(answer: Answer) -> dict[str, Any]:
    """An answer as review shows it: without what says nothing of its content."""
    held = answer.as_json()
    return {name: value for name, value in held.items() if name not in ("tokens", "thinking")}
