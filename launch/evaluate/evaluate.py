"""`plumb eval`: from options to files and a table."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from data.asking import EndpointModel
from launch.datasets.progress import Counting, ended_gently
from launch.evaluate.answers import Kept, forget
from launch.evaluate.identity import asked_by, graded_by
from launch.evaluate.options import Options
from launch.evaluate.results import write
from launch.evaluate.running import run
from launch.evaluate.work import Work, work_of
from rewards import RewardError
from rl.errors import UngradableError

Say = Callable[[str], None]


def evaluate(options: Options, say: Say) -> tuple[Work, dict[str, Any]]:
    """Evaluate; gives what was done, and what `results.json` holds.

    Raises:
        PlumbError, DataError, RewardError: it cannot be done; what was answered is kept.
    """
    began = time.monotonic()
    work = asyncio.run(with_model(work_of(options, say)))
    _tell(work, say)
    if options.overwrite or options.regrade:
        for one in work.sets:
            forget(work.out / one.name, answers=options.overwrite)
    with ExitStack() as stack:
        kept = {one.name: stack.enter_context(_kept(work, one.name)) for one in work.sets}
        total = sum(len(one.answers) for one in kept.values())
        if total:
            say(f"{total} answers are there already")
        bar = stack.enter_context(Counting("answers", work.answers))
        try:
            with ended_gently(f"answers are kept in {work.out}: the same command goes on there"):
                asyncio.run(run(work, kept, bar))
        except Exception as error:
            if any(len(one.answers) for one in kept.values()):
                error.add_note(f"answers are kept in {work.out}: the same command goes on there")
            raise
        return work, write(work, kept, time.monotonic() - began)


async def with_model(work: Work) -> Work:
    """The work with the model that an endpoint serves now, where none is named: another may answer
    under the same address, and its answers are others.

    Raises:
        RewardError: it does not answer, or serves several.
    """
    if work.served is None or work.served.model is not None:
        return work
    model = EndpointModel(work.served)
    try:
        await model.start()
        return replace(work, served=work.served.model_copy(update={"model": model.name}))
    except RewardError as error:
        error.add_note(
            "where every answer is there, name its model by --served-model: it is not asked then"
        )
        raise
    finally:
        await model.aclose()


def check_graded(work: Work, found: dict[str, Any]) -> None:
    """See that enough answers were graded for the numbers to be trusted.

    Raises:
        UngradableError: they were not, for a cause that is not theirs.
    """
    most = work.config.reward.max_ungradable
    for name, one in found["sets"].items():
        answers = one["prompts"] * one["samples"]
        if answers and one["lost"] / answers > most:
            raise UngradableError(
                f"the set {name}: {one['lost']} of {answers} answers could not be graded, for a "
                f"cause that is not theirs (see reason in {work.out}/answers.parquet): mend it, "
                "and run the same command again"
            )


def _kept(work: Work, name: str) -> Kept:
    (one,) = (one for one in work.sets if one.name == name)
    scored = None
    if work.choice is not None:
        scored = {"select": work.choice.name, **work.choice.identity}
    return Kept(work.out / name, asked_by(work, one), graded_by(work), scored)


def _tell(work: Work, say: Say) -> None:
    if work.preset is not None:
        say(f"sampling: {work.preset.source}")
    for one in work.sets:
        settings = one.settings
        how = "greedy" if settings.temperature == 0 else f"temperature {settings.temperature:g}"
        said = f"{one.name}: {len(one.prompts)} prompts of {one.reading.file} ({one.format})"
        say(f"{said}, {settings.samples} answers each, {how}, up to {settings.max_tokens} tokens")
