"""The rule `reward`: a group teaches when rewards of its answers differ, turns' own included."""

from typing import Final, Literal

from rl.groups import Group

ROUNDING: Final = 1e-6
"""Share of the largest reward (at least of 1) up to which a spread is taken for rounding."""


class Reward:
    """Rewards that differ by rounding alone are equal."""

    def ending(self, group: Group) -> Literal["accepted", "rejected_equal", "ungradable"]:
        """How the group ends; with fewer than two graded episodes it is ungradable."""
        turns = [episode.turn_reward for episode in group.episodes]
        rewards = [group.verdicts[i].reward + sum(turns[i : i + 1]) for i in group.gradable]
        if len(rewards) < 2:
            return "ungradable"
        low, high = min(rewards), max(rewards)
        different = high - low > ROUNDING * max(1.0, abs(low), abs(high))
        return "accepted" if different else "rejected_equal"
