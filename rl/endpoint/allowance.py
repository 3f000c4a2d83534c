"""What one episode may still sample: turns and tokens, shared by requests that run at once.

Guarantees: never more than the allowance is sampled, whatever comes at once; and a turn is never
cut shorter than it would be if the requests beside it had come one after the other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rl.endpoint.refusals import RefusalError
from rl.tokens import End


class Allowance:
    """Turns and sampled tokens of an episode.

    Args:
        turns: Most turns.
        tokens: Most sampled tokens of all turns together.
    """

    def __init__(self, turns: int, tokens: int) -> None:
        self._turns = turns
        self._tokens = tokens
        self._reserved = 0
        self._changed = asyncio.Condition()
        self.spent: End | None = None
        """What a request was refused for."""

    def check(self) -> None:
        """Refuse what cannot be served, whatever is given back.

        Raises:
            RefusalError: Turns or tokens are used up.
        """
        if self._turns < 1 and not self._reserved:
            raise self._refuse("turns", "turns (episode.turns)")
        if self._tokens < 1:
            raise self._refuse("budget", "tokens (agent.tokens)")

    @asynccontextmanager
    async def turn(self, wanted: int) -> AsyncIterator["Reserved"]:
        """Room for a turn of at most `wanted` tokens; what it does not use is given back.

        Raises:
            RefusalError: Turns or tokens are used up.
        """
        async with self._changed:
            # What runs beside it may give tokens back.
            await self._changed.wait_for(
                lambda: self._tokens - self._reserved >= wanted or not self._reserved
            )
            if self._turns < 1:
                raise self._refuse("turns", "turns (episode.turns)")
            tokens = min(wanted, self._tokens)
            if tokens < 1:
                raise self._refuse("budget", "tokens (agent.tokens)")
            self._turns -= 1
            self._reserved += tokens
        reserved = Reserved(tokens)
        try:
            yield reserved
        finally:
            async with self._changed:
                self._reserved -= tokens
                self._tokens -= reserved.used
                if reserved.used == 0:
                    self._turns += 1
                self._changed.notify_all()

    def _refuse(self, end: End, what: str) -> RefusalError:
        self.spent = self.spent or end
        return RefusalError(
            f"this episode has used up its {what}; nothing more is sampled for it",
            status=403,
            code="insufficient_quota",
        )


class Reserved:
    """Tokens set aside for a turn; `used` says how many it took."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.used = 0
