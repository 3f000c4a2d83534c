"""How a failed command ends: one line and an exit code; a traceback only for a defect of ours."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one line and an exit code when the block fails by a user's mistake."""
    try:
        yield
    except BaseException as error:
        message, code = _explain(error)
        if message is None:
            raise
        print(f"plumb: {message}", file=sys.stderr, flush=True)
        sys.exit(code)


def _explain(error: BaseException) -> tuple[str | None, int]:
    """One line and an exit code; no line for a defect of ours, which keeps its traceback."""
    import asyncio

    from data.errors import DataError
    from rewards.errors import RewardError
    from rl.errors import PlumbError
    from sandbox.errors import SandboxError

    notes = getattr(error, "__notes__", [])
    if isinstance(error, KeyboardInterrupt):
        # asyncio raises it anew where the cancellation, which has the notes, has come through.
        notes = [*getattr(error.__context__, "__notes__", []), *notes]
        return "; ".join(["interrupted", *notes]), 130
    if isinstance(error, asyncio.CancelledError):
        return "; ".join(["terminated", *notes]), 143
    if isinstance(error, PlumbError):
        return "; ".join([str(error), *notes]), error.exit_code
    if isinstance(error, DataError | RewardError | SandboxError):
        return "; ".join([str(error), *notes]), 1
    return None, 1
