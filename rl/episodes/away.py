"""What says that something beside the policy is broken: a service, a box, a worker.

It is told by type: Plumb's own errors, any that is called `InfrastructureError`, so that an
environment has nothing to import, and those that its class names in `infrastructure`. No other is
taken for it: what a policy can bring about by what it writes must not take its answer out of the
loss.
"""

from typing import Any, Final

from rewards.errors import InfrastructureError as ServiceError
from rl.errors import InfrastructureError
from sandbox import UnavailableError

AWAY: Final = (InfrastructureError, ServiceError, UnavailableError)
_NAMES: Final = frozenset({"InfrastructureError"})
REASON_LIMIT: Final = 500  # characters kept of an exception's message


def is_away(error: BaseException, environment: Any = None) -> bool:
    """Whether an error says so; `environment` may have `infrastructure`, types of errors."""
    declared = getattr(environment, "infrastructure", ())
    types = declared if isinstance(declared, tuple) else (declared,)
    known = (*AWAY, *(one for one in types if isinstance(one, type)))
    return isinstance(error, known) or any(one.__name__ in _NAMES for one in type(error).__mro__)


def line_of(error: BaseException) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split())[:REASON_LIMIT] or type(error).__name__
