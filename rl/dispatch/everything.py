"""The rule `none`: every group of which anything was measured is trained."""

from typing import Literal

from rl.groups import Group


class Everything:
    """No filter."""

    def ending(self, group: Group) -> Literal["accepted", "ungradable"]:
        """How the group ends; without a graded episode it is ungradable."""
        graded = any(verdict.is_gradable for verdict in group.verdicts)
        return "accepted" if graded else "ungradable"
