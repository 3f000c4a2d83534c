"""The rule `correctness`: a group teaches when some of its answers are right and some are not."""

from typing import Literal

from rl.groups import Group


class Correctness:
    """Shaped rewards may differ where all answers are right: those groups are rejected."""

    def ending(
        self, group: Group
    ) -> Literal["accepted", "rejected_correct", "rejected_incorrect", "ungradable"]:
        """How the group ends; with fewer than two graded episodes it is ungradable."""
        gradable = correct = 0
        for verdict in group.verdicts:
            if verdict.is_gradable:
                gradable += 1
                correct += verdict.is_correct
        if gradable < 2:
            return "ungradable"
        if 0 < correct < gradable:
            return "accepted"
        return "rejected_correct" if correct else "rejected_incorrect"
