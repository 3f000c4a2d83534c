"""What can go wrong with a sandbox, as one flat tree.

A program that fails is no error: it is a result. These are faults of the set-up, of a request, or
of the infrastructure. The last kind measured nothing, and must never be read as a wrong answer.
"""


class SandboxError(Exception):
    """Base of every error that `sandbox` raises; the message is one line and names the remedy."""


class IsolationError(SandboxError):
    """This machine cannot isolate a program, so none is run; says what is missing."""


class ImageError(SandboxError):
    """The image is missing or could not be built."""


class RequestError(SandboxError):
    """A request cannot be served as it stands: too large, no such language, a closed sandbox."""


class TestsError(SandboxError):
    """The tests themselves are at fault: they do not compile, or ask for what cannot be tested."""

    __test__ = False  # for pytest


class UnavailableError(SandboxError):
    """The infrastructure failed, after retries: nothing was measured."""


class DeadlineError(UnavailableError):
    """No answer within the request's deadline, for reasons that are not the program's."""


class BusyError(UnavailableError):
    """The queue is full.

    Attributes:
        retry_after: Seconds after which another try makes sense.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
