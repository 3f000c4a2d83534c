"""The stage that gives records tests which models wrote and trusted programs confirm.

Guarantees: it reads answers and asks nobody. A test is kept as `sandbox.generated.validate` keeps
it: every trusted program was run on it and agrees. Trusted are the record's reference solutions;
where it has none, generated programs that agree with each other. What is kept can be trained on as
it is; what is not has its reason. A sandbox that measured nothing ends the stage.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from data.asking.asked import Asked
from data.curate.code import NOT_RECORDED, references_of
from data.curate.code_box import in_sandbox
from data.generated.agreement import agreeing
from data.generated.interface import entry_point_of
from data.generated.merging import added, balanced
from data.pipeline.block import Drop, Outcome
from data.schema import Record, content_id
from rewards.code.program import NoProgramError, last_program
from rewards.thinking import final_part
from sandbox import Program, Sandbox
from sandbox.errors import RequestError, TestsError
from sandbox.generated import (
    MOST_TESTS,
    GeneratedCall,
    GeneratedInput,
    GeneratedTest,
    Proposal,
    read_reply,
    validate,
)
from sandbox.types import SOURCE_CHARACTERS

FACTS: Final = "generated_tests"
"""The key of metadata: tests kept by category, how many were not, what they were checked by."""
LONGEST: Final = 1 << 20  # characters of a reply that is read
LONGEST_DETAIL: Final = 600
UNREAD: Final = "no test can be read"
UNSOLVED: Final = "nothing to check tests by"
DISAGREEING: Final = "programs disagree"
NONE_HOLDS: Final = "too few tests hold"
Existing = Literal["add", "replace", "keep"]


@dataclass(frozen=True, slots=True)
class GeneratedTests:
    """Gives code records tests; those of other tasks pass through.

    Attributes:
        tests: What each model was asked for tests.
        programs: What each model was asked for programs; none: references alone decide.
        existing: Where a record has tests: new cases are added, replace them, or nothing is done.
        least: Tests that must hold.
        share: Of generated programs, how many must agree.
        references: Reference solutions that are run, from the first.
        sandbox: As `Sandbox.open` takes it; several URLs with commas.
        slots: Runs at a time in a box; 0: one a core, and one more.
    """

    name: ClassVar[str] = "generated tests"
    tests: tuple[Asked, ...]
    programs: tuple[Asked, ...] = ()
    existing: Existing = "add"
    least: int = 1
    share: float = 0.5
    references: int = 3
    sandbox: str = field(default="auto", metadata=NOT_RECORDED)
    slots: int = field(default=0, metadata=NOT_RECORDED)

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record.

        Raises:
            UnavailableError: The sandbox cannot be had, or measured nothing.
            AnswersError: A record's question was not asked.
        """
        wanted = [n for n, one in enumerate(records) if wants_tests(one, self.existing)]

        async def work(box: Sandbox, number: int) -> Record | Drop:
            return await self._tested(box, records[number])

        found = in_sandbox(self.name, self.sandbox, self.slots, wanted, work)
        given = [found.get(number, record) for number, record in enumerate(records)]
        return Outcome(
            [one for one in given if isinstance(one, Record)],
            [one for one in given if isinstance(one, Drop)],
        )

    async def _tested(self, box: Sandbox, record: Record) -> Record | Drop:
        references = references_of(record)
        entry_point = entry_point_of(record, references)
        tests, faults = self._read(record, entry_point)
        if not tests:
            return Drop(record, self.name, UNREAD, "; ".join(faults)[:LONGEST_DETAIL])
        trusted = references[: self.references]
        if not references:
            programs = list(self._programs(record))
            if not programs:
                return Drop(record, self.name, UNSOLVED, "no reference solution, and no program")
            trusted = await agreeing(box, programs, tests, entry_point, share=self.share)
            if not trusted:
                return Drop(record, self.name, DISAGREEING, f"{len(programs)} programs")
        tens = [tests[n : n + MOST_TESTS] for n in range(0, len(tests), MOST_TESTS)]
        try:
            held = [
                await validate(
                    box,
                    Proposal(id=record.id, tests=ten, solutions=trusted, entry_point=entry_point),
                )
                for ten in tens
            ]
        except (TestsError, RequestError) as error:
            return Drop(record, self.name, NONE_HOLDS, str(error))
        faults += [one.reason for some in held for one in some.dropped]
        cases, counts = balanced(list(zip(tens, held, strict=True)))
        if len(cases) < self.least:
            detail = f"{len(cases)} of {len(tests)} hold; {'; '.join(faults)}"
            return Drop(record, self.name, NONE_HOLDS, detail[:LONGEST_DETAIL])
        is_new = self.existing == "replace"
        reference = added(record.reference, cases, entry_point, replace=is_new)
        generated = () if references else trusted
        return _with(record, reference, {"kept": counts, "dropped": len(faults)}, generated)

    def _read(
        self, record: Record, entry_point: str | None
    ) -> tuple[list[GeneratedTest], list[str]]:
        """The tests that all models gave, each once, and what is wrong with the others."""
        kind, wanted = (
            (GeneratedInput, "stdin")
            if entry_point is None
            else (GeneratedCall, "args and returns")
        )
        found: dict[str, GeneratedTest] = {}
        faults: list[str] = []
        for asked in self.tests:
            for answer in asked.answers(record.id):
                if not answer.is_whole or len(answer.text) > LONGEST:
                    faults.append(answer.fault or "an answer was cut")
                    continue
                try:
                    tests, wrong = read_reply(final_part(answer.text))
                except TestsError as error:
                    faults.append(str(error))
                    continue
                faults += wrong
                for test in tests:
                    if isinstance(test, kind):
                        found.setdefault(_input_of(test), test)
                    else:
                        faults.append(f"a test has no {wanted}")
        return list(found.values()), faults

    def _programs(self, record: Record) -> Iterator[Program]:
        for asked in self.programs:
            for answer in asked.answers(record.id):
                if not answer.is_whole:
                    continue
                try:
                    source, language = last_program(answer.text)
                except NoProgramError:
                    continue
                if len(source) <= SOURCE_CHARACTERS:
                    yield Program(source=source, language=language or "python")


def wants_tests(record: Record, existing: Existing) -> bool:
    """Whether a record gets tests: those of code, unless they have some that stay as they are."""
    if record.task != "code":
        return False
    tests = record.reference
    if not tests or existing == "replace":
        return True
    is_list = isinstance(tests, dict) and tests.get("kind") in ("stdio", "calls")
    return existing == "add" and is_list


def _input_of(test: GeneratedTest) -> str:
    """What tells a test from others."""
    given: Any = test.stdin if isinstance(test, GeneratedInput) else [test.args, test.kwargs]
    return json.dumps(given, sort_keys=True)


def _with(
    record: Record, reference: Any, facts: dict[str, Any], generated: Sequence[Program]
) -> Record:
    """The record with its tests, and the programs that decided where it had no solutions."""
    decided_by = "generated programs" if generated else "reference solutions"
    metadata: dict[str, Any] = {**record.metadata, FACTS: {**facts, "decided_by": decided_by}}
    if generated:
        metadata["solutions"] = [
            {"language": one.language, "source": one.source, "generated": True} for one in generated
        ]
    id = content_id(record.messages, record.tools, reference, record.task)
    return record.model_copy(update={"id": id, "reference": reference, "metadata": metadata})
