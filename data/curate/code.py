"""Code: what is kept has tests that run, that its references pass, and that a wrong program fails.

Guarantees: every record is kept, dropped with a reason, or left for review. Programs run in the
sandbox alone. A sandbox that cannot be had, or that measured nothing, ends the stage with one line:
no record is dropped for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from data.curate.code_box import in_sandbox
from data.curate.code_examination import NOTHING_RUNS, Finding, Rules, examine
from data.curate.code_trial import Trial
from data.pipeline.block import Drop, Outcome
from data.pipeline.manifest import RECORDED
from data.schema import Record
from rewards.code.languages import language_of
from rewards.code.task import CodeTask, RefusedError, read_task
from sandbox import Limits, Program, Sandbox, Trust
from sandbox.types import SOURCE_CHARACTERS

NOT_RECORDED: Final = {RECORDED: False}  # where programs run changes nothing in what is found
NO_TESTS: Final = "no tests"
UNREADABLE: Final = "tests that cannot be read"
DISTRUSTED: Final = "tests below the level of trust"
UNREFERENCED: Final = "no reference solution"
FACTS: Final = "code_checks"
"""The key of a kept record's metadata: references that pass, mutants that ran, and that failed."""
_REFUSED: Final = {"reference": UNREADABLE, "trust": DISTRUSTED, "tests": NOTHING_RUNS}


@dataclass(frozen=True, slots=True)
class CodeTests:
    """Runs the tests of code records; others pass through.

    Attributes:
        sandbox: As `Sandbox.open` takes it; several URLs with commas.
        slots: Runs at a time in a box; 0: one a core, and one more.
        trust: The level that tests must reach: in_process, checker or outside.
        unreferenced: What becomes of a record without a reference solution, unless its tests are
            plainly weak.
        wall_seconds, memory_mb: Of one run, where the record does not say.
        rules: How hard tests are tried.
    """

    name: ClassVar[str] = "code tests"
    sandbox: str = field(default="auto", metadata=NOT_RECORDED)
    slots: int = field(default=0, metadata=NOT_RECORDED)
    trust: str = "checker"
    unreferenced: Literal["keep", "review", "drop"] = "keep"
    wall_seconds: float = 10.0
    memory_mb: int = 512
    rules: Rules = field(default_factory=Rules)

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record.

        Raises:
            UnavailableError: The sandbox cannot be had, or measured nothing.
        """
        read = [self._read(record) for record in records]
        tasks = {n: task for n, task in enumerate(read) if isinstance(task, CodeTask)}
        findings = {n: found for n, found in enumerate(read) if isinstance(found, Finding)}

        async def decide(box: Sandbox, number: int) -> Finding:
            task = tasks[number]
            references = references_of(records[number])
            trial = Trial(box, task.tests, task.limits)
            found = await examine(trial, task.language or "python", references, self.rules)
            is_left = not found.reason and not references and self.unreferenced == "review"
            return Finding(UNREFERENCED) if is_left else found

        findings |= in_sandbox(self.name, self.sandbox, self.slots, list(tasks), decide)
        return self._outcome(records, [findings[number] for number in range(len(records))])

    def _read(self, record: Record) -> CodeTask | Finding:
        """The task of a record, or what is to be said without a run."""
        if record.task != "code":
            return Finding()
        if not record.reference:
            return Finding(NO_TESTS)
        if self.unreferenced == "drop" and not references_of(record):
            return Finding(UNREFERENCED)
        columns: Any = {name: record.metadata.get(name) for name in ("language", "limits")}
        limits = Limits(wall_seconds=self.wall_seconds, memory_mb=self.memory_mb)
        try:
            return read_task(
                record.reference, **columns, default_limits=limits, trust=Trust(self.trust)
            )
        except RefusedError as error:
            kind, _, detail = str(error).partition(": ")
            return Finding(_REFUSED[kind], detail)

    def _outcome(self, records: Sequence[Record], findings: Sequence[Finding]) -> Outcome:
        kept: list[Record] = []
        dropped: list[Drop] = []
        review: list[Drop] = []
        for record, found in zip(records, findings, strict=True):
            if not found.reason:
                kept.append(_with(record, found))
                continue
            is_left = found.reason == UNREFERENCED and self.unreferenced == "review"
            drops = review if is_left else dropped
            drops.append(Drop(record, self.name, found.reason, found.detail))
        return Outcome(kept, dropped, review)


def references_of(record: Record) -> list[Program]:
    """The reference solutions of a record, in languages that can be run."""
    given = record.metadata.get("solutions")
    programs = []
    for one in given if isinstance(given, list) else ():
        source = one.get("source") if isinstance(one, dict) else None
        if not isinstance(one, dict) or not isinstance(source, str):
            continue
        language = language_of(str(one.get("language") or "python"))
        if language is not None and len(source) <= SOURCE_CHARACTERS:
            programs.append(Program(source=source, language=language))
    return programs


def _with(record: Record, found: Finding) -> Record:
    if found.facts is None:
        return record
    return record.model_copy(update={"metadata": {**record.metadata, FACTS: dict(found.facts)}})
