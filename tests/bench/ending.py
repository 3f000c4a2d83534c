"""How a benchmark ends: with its own exit code, or with one line that says what stopped it."""

import asyncio
import sys
from collections.abc import Callable

from rl.errors import PlumbError


def told(work: Callable[[], int]) -> int:
    """The exit code of `work`; what stops it is a line on stderr and a code."""
    try:
        return work()
    except KeyboardInterrupt:
        return complain("interrupted before there was a result", 130)
    except asyncio.CancelledError:
        return complain("terminated before there was a result", 143)
    except PlumbError as error:
        return complain(str(error), error.exit_code)


def complain(message: str, code: int) -> int:
    """Say it, and return the code."""
    print(f"bench: {message}", file=sys.stderr, flush=True)
    return code
