"""`plumb sandbox tests`: keeps the generated tests on which trusted solutions agree.

Guarantees: problems stand in the order of the input; the output appears under its name when all of
them are decided; a sandbox that fails ends the command, and drops no test.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator

from pydantic import ValidationError
from rich.console import Console

from data.curate.code_box import open_sandbox
from data.errors import RowError, SourceError
from launch.verify.progress import Meter
from launch.verify.rows import Output, check_apart, read_lines
from launch.verify.run import stop_on_terminate
from sandbox.generated import Problem, Validated, validate

AT_ONCE = 16  # problems


def validate_tests(source: str, target: str, where: str) -> None:
    """Write what is kept of the problems of `source` to `target`; `-` stands for standard streams.

    Raises:
        DataError: The input, or a row of it, cannot be used.
        StorageError: The output cannot be written.
        SandboxError: The sandbox cannot be had, or failed.
    """
    check_apart(source, target)
    console = Console(stderr=target == "-", highlight=False, soft_wrap=True)
    kept, dropped = asyncio.run(_run(source, target, where, console))
    total = kept.total() + dropped
    shares = ", ".join(f"{count} {category}" for category, count in kept.most_common())
    console.print(f"kept {kept.total()} of {total} tests{f' ({shares})' if shares else ''}")


async def _run(source: str, target: str, where: str, console: Console) -> tuple[Counter[str], int]:
    stop_on_terminate()
    kept: Counter[str] = Counter()
    dropped = 0
    window: deque[tuple[int, asyncio.Task[Validated]]] = deque()
    async with open_sandbox(where) as box:
        with Output(target) as output, Meter(source, console) as meter:

            async def write_oldest() -> None:
                nonlocal dropped
                size, work = window.popleft()
                validated = await work
                kept.update(validated.kept)
                dropped += len(validated.dropped)
                output.write(validated.model_dump_json().encode() + b"\n")
                meter.advance(1, size)

            try:
                for size, problem in _problems(source):
                    window.append((size, asyncio.create_task(validate(box, problem))))
                    if len(window) == AT_ONCE:
                        await write_oldest()
                while window:
                    await write_oldest()
            finally:
                for _, work in window:
                    work.cancel()
                await asyncio.gather(*(work for _, work in window), return_exceptions=True)
    return kept, dropped


def _problems(source: str) -> Iterator[tuple[int, Problem]]:
    empty = True
    for _, text, where in read_lines(source):
        if not text.strip():
            continue
        empty = False
        try:
            yield len(text), Problem.model_validate_json(text)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"])) or "the row"
            raise RowError(f"{where}: {place}: {fault['msg']}; mend the row") from error
    if empty:
        raise SourceError(f"{source}: holds no problems; give one JSON object a line")
