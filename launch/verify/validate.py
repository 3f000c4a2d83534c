"""`plumb data validate`: whether a data set's gold answers are right by their own verifier.

Tests of programs are no answers: there it says which of them could not grade any program.
Guarantees: every miss is shown or written with the place of its row; no process remains.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from data.refused import refused
from data.schema import Prompt
from data.validate import Miss, misses, places
from launch.verify.rows import Output
from launch.verify.run import KINDS_SHOWN, grading_limits, plain, reason_kind, stop_on_terminate
from launch.verify.uses import trust_option
from rewards import GradingPool, Rubric, Use
from rewards.grading.running import Limits
from rl.errors import ConfigError

BOXED: Final = frozenset({"math"})  # verifiers that read the answer from a box
TASK_OF: Final = MappingProxyType(  # of verifiers whose references are tests, and no answers
    {"constraints": "text", "judge": "text"}
)
CODE: Final = "code"  # whose references are tests too, but can be looked at without a program
SHOWN, SHOWN_LENGTH = 20, 60  # misses on the terminal, and characters of a reference there


def validate(
    source: str,
    prompts: Sequence[Prompt],
    verifier: str,
    *,
    trust: str | None = None,
    out: Path | None,
    workers: int,
    deadline: float,
    memory_mb: int,
) -> int:
    """Grade every gold answer as an answer; gives the number of misses.

    Args:
        source: where `prompts` were loaded from.
        prompts: all rows of it, in order.
        verifier: a verifier's name, or path/to/file.py:function.
        trust: code: the level that tests must reach.
        out: where every miss is written, one JSON object a line.

    Raises:
        ConfigError: a limit is out of range, or the verifier's references are no answers.
        DataError: a prompt has no reference.
        RewardError: the verifier cannot be loaded, or not for this data.
        StorageError: `out` cannot be written.
    """
    if trust is not None and verifier != CODE:
        raise ConfigError(f"--trust is for --verifier {CODE}, not for {verifier}; leave it out")
    if verifier in TASK_OF:
        raise ConfigError(
            f"the references of {verifier} are tests, not answers that could be checked; grade "
            f"known solutions with plumb verify --task {TASK_OF[verifier]} instead"
        )
    limits = grading_limits(workers, deadline, memory_mb)
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    if verifier == CODE:
        found = refused(prompts, Rubric(Use(verifier, trust_option(trust))))
    else:
        found = asyncio.run(_grade(prompts, verifier, limits, console))
    placed = places(source, found)
    for where, miss in list(zip(placed, found, strict=True))[:SHOWN]:
        reference = repr(miss.prompt.reference)[:SHOWN_LENGTH]
        reason = miss.verdict.reason or "not correct"
        console.print(plain(f"{where}: {miss.verdict.outcome}: {reference}: {reason}"))
    if len(found) > SHOWN:
        rest = "" if out is not None else "; --out FILE writes all of them"
        console.print(f"and {len(found) - SHOWN} more{rest}")
    if out is not None:
        _write(out, placed, found)
    console.print(_summary(len(prompts), verifier, found, time.monotonic() - began))
    return len(found)


async def _grade(
    prompts: Sequence[Prompt], verifier: str, limits: Limits, console: Console
) -> list[Miss]:
    stop_on_terminate()
    found: list[Miss] = []
    pool = GradingPool(
        verifier,
        workers=limits.workers,
        deadline=limits.deadline,
        memory_mb=limits.memory_mb,
    )
    progress = Progress(console=console, transient=True, disable=not console.is_terminal)
    async with pool:
        with progress:
            bar = progress.add_task("checking gold answers", total=len(prompts))
            async for done, batch in misses(pool, prompts, boxed=verifier in BOXED):
                found += batch
                progress.update(bar, completed=done)
    return found


def _write(out: Path, placed: Sequence[str], found: Sequence[Miss]) -> None:
    with Output(str(out)) as output:
        for where, miss in zip(placed, found, strict=True):
            row = {
                "where": where,
                "id": miss.prompt.id,
                "reference": miss.prompt.reference,
                "outcome": str(miss.verdict.outcome),
                "reason": miss.verdict.reason,
            }
            output.write(json.dumps(row).encode() + b"\n")


def _summary(total: int, verifier: str, found: Sequence[Miss], seconds: float) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    right = total - len(found)
    table.add_row("verifier", plain(verifier))
    good = "gradable" if verifier == CODE else "correct"
    table.add_row(good, f"{right} of {total} ({right / total:.2%})")
    kinds = Counter((miss.verdict.outcome, reason_kind(miss.verdict.reason)) for miss in found)
    for (outcome, kind), count in kinds.most_common(KINDS_SHOWN):
        table.add_row(f"  {outcome}", f"{count}  {plain(kind)}")
    table.add_row("time", f"{seconds:.1f} s, {total / seconds:.0f} rows/s")
    return table
