"""`plumb judge calibrate`: a judge over labelled rows, and what its grades say of it.

Guarantees: a row that the judge cannot grade is counted by its reason and is in no number; an
endpoint that cannot be used, or goes away for longer than its patience before any row was graded,
ends the command in one line.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from launch.judge.plot import write_page
from launch.judge.rows import AnswerRow, PairRow, read_rows
from launch.verify.run import plain, stop_on_terminate
from rewards.errors import InfrastructureError
from rewards.judge import (
    Grade,
    Judge,
    JudgeError,
    JudgeSettings,
    Preference,
    Spent,
    UnreadableGradeError,
)
from rewards.judge.calibration import (
    ComparedRow,
    GradeAgreement,
    GradedRow,
    PairAgreement,
    grade_agreement,
    pair_agreement,
)
from rl.errors import ConfigError

REASONS_SHOWN: Final = 5
ROWS_AHEAD: Final = 2  # rows that are worked on, for each request that may be open
_DURATION: Final = re.compile(r" \(down for \d+ s\)$")


@dataclass(slots=True)
class Calibration:
    """What was measured.

    Attributes:
        ungradable: Rows that the judge could not grade, by the reason's kind.
    """

    graded: list[GradedRow] = field(default_factory=list)
    compared: list[ComparedRow] = field(default_factory=list)
    ungradable: Counter[str] = field(default_factory=Counter)
    spent: Spent = field(default_factory=Spent)

    @property
    def count(self) -> int:
        """Rows that were graded."""
        return len(self.graded) + len(self.compared)


def judge_settings(**options: Any) -> JudgeSettings:
    """The settings that the command's options make.

    Raises:
        ConfigError: They contradict each other.
    """
    try:
        return JudgeSettings(**options)
    except ValidationError as error:
        fault = error.errors()[0]
        place = "".join(f"--{name} ".replace("_", "-") for name in map(str, fault["loc"][:1]))
        raise ConfigError(f"{place}{fault['msg']}") from error


def calibrate(source: str, settings: JudgeSettings, plot: Path | None) -> bool:
    """Grade the rows of `source`, print what that says, and write a page; whether any was graded.

    Raises:
        DataError: The source, or a row of it, cannot be used.
        RewardError: The judge cannot be used.
        StorageError: The page cannot be written.
    """
    console = Console(highlight=False, soft_wrap=True)
    judge = Judge(settings)
    rows = read_rows(source, judge)
    measured = asyncio.run(_measure(judge, rows, console))
    grades = grade_agreement(measured.graded, judge.threshold)
    pairs = pair_agreement(measured.compared)
    console.print(_summary(measured, grades, pairs, judge))
    if plot is not None and measured.count:
        name = source if source != "-" else "standard input"
        write_page(
            plot,
            name=Path(name).name,
            graded=measured.graded,
            compared=measured.compared,
            grades=grades,
            pairs=pairs,
            ungradable=measured.ungradable,
            judge=judge,
        )
        console.print(f"plot: {plain(str(plot))}")
    return measured.count > 0


async def _measure(
    judge: Judge, rows: Sequence[AnswerRow | PairRow], console: Console
) -> Calibration:
    stop_on_terminate()
    measured = Calibration()
    gate = asyncio.Semaphore(judge.settings.concurrency * ROWS_AHEAD)
    progress = Progress(
        TextColumn("graded"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = progress.add_task("", total=len(rows))

    async def measure(row: AnswerRow | PairRow) -> None:
        async with gate:
            try:
                said = await _ask(judge, row)
            except (InfrastructureError, JudgeError) as error:
                measured.ungradable[_kind(error)] += 1
            else:
                _note(measured, row, said)
        progress.advance(task)

    async with judge:
        with progress:
            await asyncio.gather(*map(measure, rows))
    return measured


async def _ask(judge: Judge, row: AnswerRow | PairRow) -> Grade | Preference:
    if isinstance(row, AnswerRow):
        return await judge.grade(row.messages, row.response, row.reference)
    return await judge.compare(row.messages, row.first, row.second, row.reference)


def _note(measured: Calibration, row: AnswerRow | PairRow, said: Grade | Preference) -> None:
    measured.spent += said.spent
    if isinstance(row, AnswerRow) and isinstance(said, Grade):
        measured.graded.append(
            GradedRow(str(row.id), row.label, said.score, said.votes, len(row.response))
        )
    elif isinstance(row, PairRow) and isinstance(said, Preference):
        measured.compared.append(
            ComparedRow(str(row.id), row.label, said.winner, said.shown_first, said.shown_second)
        )


def _summary(
    measured: Calibration, grades: GradeAgreement, pairs: PairAgreement, judge: Judge
) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("judge", "", plain(judge.settings.model or ", ".join(judge.settings.urls)))
    if measured.graded:
        for row in _grade_lines(grades, judge):
            table.add_row(*row)
    if measured.compared:
        for row in _pair_lines(pairs):
            table.add_row(*row)
    table.add_row("ungradable", f"{measured.ungradable.total()}", "rows without a grade")
    for reason, count in measured.ungradable.most_common(REASONS_SHOWN):
        table.add_row("", f"{count}", plain(reason[:200]))
    spent = measured.spent
    table.add_row(
        "requests",
        f"{spent.requests}",
        f"{spent.input_tokens} tokens in, {spent.output_tokens} out, {spent.cached} votes cached",
    )
    return table


def _grade_lines(grades: GradeAgreement, judge: Judge) -> list[tuple[str, str, str]]:
    scale = judge.rubric.scale
    lines = [
        ("answers", f"{grades.count}", f"graded on {scale.min} to {scale.max}"),
        ("  Pearson", number(grades.pearson), "of judge and label"),
        ("  Spearman", number(grades.spearman), "of their ranks"),
        ("  mean absolute error", number(grades.mean_absolute_error), "points"),
        ("  mean error", number(grades.mean_error, sign=True), "points, judge minus label"),
        ("  within one point", percent(grades.within_one), ""),
        ("  kappa", number(grades.kappa), f"at the threshold {judge.threshold:g}"),
        (
            "  length",
            number(grades.length_slope, sign=True),
            f"points for twice the length, correlation {number(grades.length_correlation)}",
        ),
    ]
    if grades.vote_deviation is not None:
        lines += [
            ("  votes", number(grades.vote_deviation), "standard deviation of an answer's votes"),
            ("  vote spread", number(grades.vote_spread), "highest minus lowest, mean"),
            ("  unanimous", percent(grades.unanimous), "of the answers"),
        ]
    return lines


def _pair_lines(pairs: PairAgreement) -> list[tuple[str, str, str]]:
    return [
        ("pairs", f"{pairs.count}", "each compared in both orders"),
        ("  agreed", percent(pairs.agreed), "with the label, ties included"),
        ("  agreed where decided", percent(pairs.agreed_decided), "neither says tie"),
        ("  kappa", number(pairs.kappa), "of first, second, tie"),
        ("  first preferred", percent(pairs.first_preferred), "what is shown first; 50% is fair"),
        ("  flipped", percent(pairs.flipped), "the order decided"),
        ("  ties", percent(pairs.ties), ""),
    ]


def _kind(error: Exception) -> str:
    """What rows that failed alike have in common."""
    if isinstance(error, UnreadableGradeError):
        return str(error).partition(":")[0]
    return _DURATION.sub("", str(error))


def number(value: float | None, *, sign: bool = False) -> str:
    """A number for people; a dash where the rows do not determine it."""
    if value is None:
        return "-"
    return f"{value:+.2f}" if sign else f"{value:.2f}"


def percent(value: float | None) -> str:
    """A share for people; a dash where the rows do not determine it."""
    return "-" if value is None else f"{value:.0%}"
