"""What commands that ask models have in common: the asking with its bar.

Guarantees: each model has a name of its own; endpoints are only looked for if there is something to
ask, or to learn a model's name. Ctrl-C ends it, and what was answered is kept.
"""

import asyncio
import json
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from data.asking import Asked, Model, Request

ANSWERS: Final = "answers"
"""The folder of answers, in a command's output folder."""


def extra_fields(text: str | None) -> dict[str, Any] | None:
    """The object that --extra gives; raises SourceError where it is none."""
    from data.errors import SourceError

    if text is None:
        return None

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number")

    try:
        fields = json.loads(text, parse_constant=refuse)
    except ValueError as error:
        raise SourceError(f"--extra {text}: is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise SourceError(f'--extra {text}: is no object; write {{"name": value}}')
    return fields


def own_models(paths: Sequence[str], **settings: Any) -> "Sequence[Model]":
    """The models of --engine; see `launch.datasets.engine_models`."""
    if not paths:
        return ()
    from launch.datasets.engine_models import engine_models

    return engine_models(paths, **settings)


def require_records(source: str) -> None:
    """Refuse a source whose first row is no record; raises DataError."""
    from data.errors import SourceError
    from data.prompt_records import holds_records, open_records

    if not holds_records(source) or next(open_records(source), None) is None:
        raise SourceError(f"{source}: holds no records; make some by plumb data curate first")


def check_command(out: Path, command: str, *, overwrite: bool) -> None:
    """Refuse a folder that another command wrote, before anything is asked.

    Raises:
        PipelineError: It is one, and `overwrite` is not set.
    """
    from data.errors import PipelineError
    from data.pipeline.manifest import read_manifest

    found = read_manifest(out)
    if found is not None and found.command != command and not overwrite:
        raise PipelineError(
            f"{out}: holds what {found.command} wrote; give another folder, or "
            "--overwrite to replace it"
        )


def ask(
    models: "Sequence[Model]",
    folder: Path,
    requests: "Callable[[], Iterable[Request]]",
    *,
    what: str,
    total: int | None,
    n: int = 1,
    **wording: Any,
) -> "tuple[Asked, ...]":
    """Ask every model every question, with a bar; gives what finds the answers.

    Args:
        models: Who is asked; closed at the end.
        folder: Where the answers are, and get.
        requests: Begins the questions, once for each model.
        what: is done, for the bar.
        total: Questions of one model; None: not known.
        n: Answers to each.
        wording: What else the answers depend on.

    Raises:
        DataError: A model is away, or answers cannot be kept.
        RewardError: A model cannot be used.
    """
    try:
        return asyncio.run(_ask(models, folder, requests, what, total, n, wording))
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        error.add_note(f"{folder} keeps what was answered: run it again to go on")
        raise


async def _ask(
    models: "Sequence[Model]",
    folder: Path,
    requests: "Callable[[], Iterable[Request]]",
    what: str,
    total: int | None,
    n: int,
    wording: dict[str, Any],
) -> "tuple[Asked, ...]":
    from contextlib import ExitStack

    from data.asking import Asked, ask_models
    from launch.datasets.progress import Counting

    myself = asyncio.current_task()
    assert myself is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, myself.cancel)
    try:
        for model in models:
            if model.name.startswith(("http://", "https://")):
                await model.start()  # only the endpoint knows the name
        _differ(models)
        asked = tuple(Asked.of(model, folder, n, **wording) for model in models)
        with ExitStack() as opened:
            stores = [opened.enter_context(one.store()) for one in asked]
            done = sum(len(store) for store in stores)
            everything = None if total is None else total * len(models)
            count = opened.enter_context(Counting(what, everything))
            if done:
                count.note = f"({done} answered before)"
            await ask_models(
                list(zip(stores, models, (_fresh(requests) for _ in models), strict=True)),
                n=n,
                on_answer=lambda request, answers: count.advance(),
            )
        return asked
    finally:
        for model in models:
            await model.aclose()  # one that is asked again starts anew


def _fresh(requests: "Callable[[], Iterable[Request]]") -> "Iterator[Request]":
    yield from requests()


def _differ(models: "Sequence[Model]") -> None:
    """Refuse two models of one name: their answers could not be told apart."""
    from data.errors import SourceError

    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(
                f"two endpoints serve {name}; give both its name, and they share the work as one "
                f"model: --model {name}=URL --model {name}=URL"
            )
