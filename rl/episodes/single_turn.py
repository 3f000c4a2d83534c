"""The environment of most tasks: the policy answers once."""

from data.schema import Prompt
from rl.episodes.context import Context
from rl.tokens import End


class SingleTurn:
    """One turn."""

    async def run(self, prompt: Prompt, context: Context) -> End:
        """Ask once."""
        _, why = await context.ask()
        return why
