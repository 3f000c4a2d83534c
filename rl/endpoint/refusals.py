"""What a client of the endpoint is told when its request is not served."""

from typing import Any, Final

MOST_AT_ONCE: Final = 64
"""Requests of an episode that are read at a time, and, where it has no more turns, answered."""


class RefusalError(Exception):
    """A request is not served; the message is one line and says what to change.

    Args:
        message: What was asked, and what to do.
        status: HTTP's. Clients ask again after 408, 409, 429 and 5xx, and not after 400.
        param: The field of the request that is at fault.
        code: A word for programs, of OpenAI's where there is one.
    """

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    @property
    def body(self) -> dict[str, Any]:
        """As OpenAI's clients read it."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {
            "error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        }


def too_long(tokens: int | str, limit: int) -> RefusalError:
    """The refusal of a conversation beyond the context of an episode."""
    return RefusalError(
        f"the conversation has {tokens} tokens and leaves no room for an answer: a context of this "
        f"run has at most {limit} (episode.tokens); send less, or raise it",
        param="messages",
        code="context_length_exceeded",
    )


def at_once_only(requests: int, what: str) -> RefusalError:
    """The refusal of a request beside so many others; clients ask again by themselves."""
    text = f"{requests} requests of this episode are {what}: wait, and ask again"
    return RefusalError(text, status=429, code="rate_limit_exceeded")
