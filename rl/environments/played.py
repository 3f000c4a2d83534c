"""What a game says of a turn."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, what the turn earned, and whether the game is over."""

    text: str
    reward: float = 0.0
    done: bool = False
