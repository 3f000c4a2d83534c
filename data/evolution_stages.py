"""Instruction evolution as a pipeline: seeds become prompts with constraints, answers are checked.

Section 5.4 of the TeleChat2 report. Guarantees: the stages read what models wrote and ask nobody;
the constraints of a prompt do not depend on any model; an answer counts as one that follows only
if the checker that trains finds every constraint followed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from data.asking.answers import Answer, Request
from data.asking.asked import Asked
from data.errors import PromptError
from data.evolution import Evolution, drawn, evolve, followers, request_of
from data.files import Row
from data.pipeline.block import Drop, Outcome
from data.pipeline.manifest import RECORDED
from data.pipeline.work import Reader
from data.rewriting import SCHEMA, rewriting_messages, words_of
from data.schema import Prompt, Record, content_id
from rewards.constraints import describe
from rewards.thinking import final_part

COPY: Final = "evolution_copy"
"""The key of metadata with the number of a copy."""
REPEATED: Final = -1
"""The number of a copy that is not wanted, as another row has the same seed."""
FACTS: Final = "followers"
"""The key of metadata with how many answers there were, and how many follow."""
_ILLEGIBLE: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class Copies:
    """Reads every record as often as prompts shall grow out of it.

    Attributes:
        reader: Makes records of rows.
        copies: How often.
        repeated: Places of rows whose records stand earlier too; a matter of the input alone.
    """

    reader: Reader
    copies: int
    repeated: frozenset[str] = field(default=frozenset(), metadata={RECORDED: False})

    def __call__(self, row: Row) -> Iterable[Record]:
        """The copies, each with its number; a repeated record once, with none."""
        for record in self.reader(row):
            is_new = row.where not in self.repeated
            for number in range(self.copies) if is_new else (REPEATED,):
                metadata = {**record.metadata, COPY: number}
                yield record.model_copy(update={"metadata": metadata})


@dataclass(frozen=True, slots=True)
class Evolve:
    """Makes each record a prompt with constraints, which are its reference.

    Attributes:
        how: What is drawn.
        rewrites: What a model was asked for the words; None: plain words.

    Reasons: `no request`, where a conversation does not end with text of the user; `drawn before`,
    where a copy has the constraints of another one; `seed repeated`.
    """

    name: ClassVar[str] = "evolve"

    how: Evolution
    rewrites: Asked | None = None

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Evolve each record."""
        kept: list[Record] = []
        dropped: list[Drop] = []
        for record in records:
            fault = self._fault(record)
            if fault is None:
                kept.append(self._evolved(record))
            else:
                dropped.append(Drop(record, self.name, *fault))
        return Outcome(kept, dropped)

    def requests(self, records: Iterable[Record], *, by_schema: bool = True) -> Iterator[Request]:
        """What a model is asked for the words of each record that goes on.

        Args:
            records: the copies of seeds.
            by_schema: whether the answer is held to a schema; the question asks for it anyway.
        """
        for record in records:
            if self._fault(record) is None:
                seed, copy = _seed(record)
                constraints = [describe(one) for one in drawn(seed, copy, self.how)]
                messages = rewriting_messages(request_of(seed), constraints)
                yield Request(_key(record), messages, schema=SCHEMA if by_schema else None)

    def _fault(self, record: Record) -> tuple[str, str] | None:
        """Why a record does not go on, and what was seen."""
        seed, copy = _seed(record)
        if copy == REPEATED:
            return "seed repeated", "another row has the same"
        try:
            constraints = drawn(seed, copy, self.how)
        except PromptError as error:
            return "no request", str(error)
        for earlier in range(copy):
            if drawn(seed, earlier, self.how) == constraints:
                return "drawn before", f"copy {copy} has the constraints of copy {earlier}"
        return None

    def _evolved(self, record: Record) -> Record:
        seed, copy = _seed(record)
        words = None
        if self.rewrites is not None:
            words = words_of(self.rewrites.answers(_key(record))[0])
        prompt = evolve(seed, copy, self.how, words)
        messages = [dict(message) for message in prompt.messages]
        fields: dict[str, Any] = {
            "id": content_id(messages, record.tools, prompt.reference, prompt.task),
            "messages": tuple(messages),
            "reference": prompt.reference,
            "task": prompt.task,
            "pass_rate": None,
            "metadata": dict(prompt.metadata),
        }
        return record.model_copy(update=fields)


@dataclass(frozen=True, slots=True)
class Followers:
    """Counts which answers of models follow every constraint; every record is kept.

    Attributes:
        models: What was asked of each.
        loose: Whether the checks are IFEval's loose ones.
    """

    name: ClassVar[str] = "followers"

    models: tuple[Asked, ...]
    loose: bool = False

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Count for each record."""
        return Outcome([self._counted(record) for record in records])

    def requests(self, records: Iterable[Record]) -> Iterator[Request]:
        """What the models are asked."""
        for record in records:
            yield Request(record.id, record.messages)

    def accepted(self, record: Record) -> dict[str, list[str]]:
        """The answers of each model that follow every constraint, each text once."""
        return {one.model: self._following(record, one.answers(record.id)) for one in self.models}

    def rows(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """Conversations for supervised fine-tuning: each prompt with each accepted answer."""
        for record in records:
            for model, texts in self.accepted(record).items():
                for text in texts:
                    said = {"role": "assistant", "content": text}
                    yield {"id": record.id, "model": model, "messages": [*record.messages, said]}

    def _counted(self, record: Record) -> Record:
        answers = sum(len(one.answers(record.id)) for one in self.models)
        followed = sum(len(texts) for texts in self.accepted(record).values())
        facts = {"answers": answers, "accepted": followed}
        return record.model_copy(update={"metadata": {**record.metadata, FACTS: facts}})

    def _following(self, record: Record, answers: Iterable[Answer]) -> list[str]:
        texts = (final_part(answer.text).strip() for answer in answers if answer.is_whole)
        legible = dict.fromkeys(text for text in texts if text and _ILLEGIBLE not in text)
        return followers(record.prompt(), legible, loose=self.loose)


def _seed(record: Record) -> tuple[Prompt, int]:
    """A copy's seed prompt, without what was told of it as a copy, and its number."""
    metadata = dict(record.metadata)
    copy = metadata.pop(COPY, 0)
    seed = Prompt(
        id=record.id,
        messages=record.messages,
        reference=record.reference,
        task=record.task,
        metadata=metadata,
        tools=record.tools,
    )
    return seed, copy if isinstance(copy, int) else 0


def _key(record: Record) -> str:
    return f"{record.id}/{record.metadata.get(COPY, 0)}"
