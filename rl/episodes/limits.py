"""What an episode may take, and how it is told that it has taken it."""

from dataclasses import dataclass

from rl.tokens import End


@dataclass(frozen=True, slots=True)
class Limits:
    """What an episode may take."""

    turns: int
    """Of the policy."""
    tokens: int
    """Of one context."""
    observation: int | None = None
    """Tokens of one message that answers the policy; longer ones are cut in their middle."""


class EpisodeOver(BaseException):
    """Raised where an episode cannot go on; no `except Exception` of an environment holds it up."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end
