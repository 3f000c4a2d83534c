"""A hidden number is guessed: each guess is told whether it is higher or lower, and what is left.

A row has the number as its reference, and the range in `low` and `high`. The last number of a turn
is the guess. Each turn earns the share of what was not known that it ruled out, in bits, so that
guesses in the middle earn most and the turns of a game that is won earn `turn_reward` together. How
many guesses there are is `episode.turns`.
"""

import math
import re
from typing import Any, Final

from rewards.thinking import final_part
from rl.environments.played import Result
from rl.errors import ConfigError

RULES: Final = (
    "I have a number in the range above. Say one number a turn; I answer whether mine is higher or "
    "lower, and which numbers are left."
)
_NUMBER: Final = re.compile(r"(?:(?<![\w-])-)?\d{1,12}")
"""A dash after a number, or after another dash, is no minus."""


class GuessNumber:
    """The game.

    Args:
        turn_reward: What the turns of a game that is won earn together, beside 1 for the win.
        rules: Whether the prompt says how the game goes, for a model that was not shown it.
    """

    def __init__(self, turn_reward: float = 0.5, rules: bool = False) -> None:
        self._turn_reward = turn_reward
        self._rules = rules

    def reset(self, prompt: Any) -> str | None:
        """Hide the number.

        Raises:
            ConfigError: The row has none, or no range around it.
        """
        low, high = prompt.metadata.get("low"), prompt.metadata.get("high")
        given = str(prompt.reference).strip()
        number = int(given) if re.fullmatch(r"-?\d{1,12}", given) else None
        is_range = isinstance(low, int) and isinstance(high, int) and low < high
        if number is None or not is_range or not low <= number <= high:
            raise ConfigError(
                f"prompt {prompt.id!r}: guess_number needs a whole number as the reference, and "
                f"`low` and `high` around it, not {prompt.reference!r:.40}, {low!r:.40} and "
                f"{high!r:.40}"
            )
        self._number, self._low, self._high = number, low, high
        self._bits = math.log2(high - low + 1)
        self._guesses = 0
        self._is_won = False
        return RULES if self._rules else None

    def reply(self, message: Any) -> Result:
        """Answer a guess."""
        numbers = _NUMBER.findall(final_part(message["content"], None))
        self._guesses += 1
        if not numbers:
            return Result(f"say a number: {self._low}-{self._high}")
        guess, before = int(numbers[-1]), self._high - self._low + 1
        if guess == self._number:
            self._is_won = True
            self._low = self._high = guess
            return Result("yes", self._share(before), done=True)
        is_higher = guess < self._number
        if is_higher:
            self._low = max(self._low, guess + 1)
        else:
            self._high = min(self._high, guess - 1)
        way = "higher" if is_higher else "lower"
        return Result(f"{way}: {self._low}-{self._high}", self._share(before))

    def reward(self, messages: Any) -> bool:
        """Whether the number was found."""
        return self._is_won

    def metrics(self) -> dict[str, float]:
        """How many guesses there were."""
        return {"guesses": self._guesses}

    def _share(self, before: int) -> float:
        """What a guess earned, before which `before` numbers were left."""
        after = self._high - self._low + 1
        return self._turn_reward * math.log2(before / after) / self._bits
