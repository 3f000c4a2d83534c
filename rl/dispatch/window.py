"""What became of the groups since the last batch: whether grading can be trusted, and why a batch
starves.

Guarantees: counts and a few names alone are kept, never a group, so that memory does not grow with
the groups that taught nothing. Nothing depends on the order in which groups are noted, but which
example a reason is given.
"""

from bisect import insort
from collections import Counter
from typing import Final, NamedTuple

from rewards import Verdict
from rewards.types import SET_UP, TRUST
from rl.errors import SamplerStarvedError, UngradableError
from rl.groups import Group

NAMED: Final = 3
"""Prompts that are named where they starve a batch."""
REASONS: Final = 3
"""Kinds of ungradable reasons that are named."""
_REMEDIES: Final = {
    "rejected_correct": "the prompts are too easy for this policy: use harder data",
    "rejected_incorrect": "the prompts are too hard for this policy: use easier data or a stronger "
    "model",
    "rejected_equal": "the rewards do not differ: use a finer reward or other data",
    "ungradable": "the answers could not be graded: mend the verifier",
}
"""What to do, by the ending that most groups of a starved batch had."""


class _Useless(NamedTuple):
    number: int
    prompt: str
    right: int
    of: int


class Window:
    """Groups that ended since the last batch.

    Args:
        max_ungradable: share of graded answers that may be ungradable for a cause that is not
            theirs.
        limit: groups that may end before there is a batch.
        samples: answers a prompt, for the message.
    """

    def __init__(self, max_ungradable: float, limit: int, samples: int) -> None:
        self.limit = limit
        self._max_ungradable = max_ungradable
        self._samples = samples
        self.clear()

    def clear(self) -> None:
        """Begin anew: a batch was taken."""
        self.endings: Counter[str] = Counter()
        self.groups = 0
        self._verdicts = 0
        self._at_fault = 0
        self._faults = _Reasons()
        self._ungradable = _Reasons()
        self._useless: list[_Useless] = []

    def note(self, group: Group, ending: str) -> None:
        """A group was graded."""
        self.groups += 1
        self.endings[ending] += 1
        self._verdicts += len(group.verdicts)
        for verdict in group.verdicts:
            if not verdict.is_gradable:
                self._note_ungradable(verdict)
        if ending != "accepted" and self._may_be_named(group.index):
            right = sum(verdict.is_correct for verdict in group.verdicts)
            insort(
                self._useless, _Useless(group.index, group.prompt.id, right, len(group.verdicts))
            )
            del self._useless[NAMED:]

    def check_trust(self) -> None:
        """Refuse to go on where too much could not be graded.

        Raises:
            UngradableError: More than `max_ungradable` of the answers, for a cause not theirs.
        """
        if self._at_fault and self._at_fault > self._max_ungradable * self._verdicts:
            raise UngradableError(
                f"{self._at_fault} of {self._verdicts} answers could not be graded, more than "
                f"reward.max_ungradable={self._max_ungradable:g} allows: {self._faults}"
            )

    def starved(self, needed: int) -> SamplerStarvedError:
        """What a batch that cannot be filled says: how groups ended, some of them, and a remedy.

        Args:
            needed: groups that the batch had to find.
        """
        ends, total = self.endings, self.groups
        rate = ends["accepted"] / total if total else 0.0
        remedy = _REMEDIES[max(_REMEDIES, key=lambda ending: ends[ending])]
        why = f" ({self._ungradable})" if self._ungradable else ""
        return SamplerStarvedError(
            f"dynamic sampling gave up after {total} prompts: acceptance rate {rate:.1%}, "
            f"{ends['accepted']} of {needed} groups ({ends['rejected_correct']} all correct, "
            f"{ends['rejected_incorrect']} all incorrect, {ends['rejected_equal']} of equal "
            f"reward, {ends['ungradable']} ungradable{why}); {self._named()}; {remedy} or raise "
            f"sampler.samples_per_prompt (now {self._samples}) in a new run, or raise "
            "sampler.give_up_after"
        )

    def _note_ungradable(self, verdict: Verdict) -> None:
        kind = verdict.kind
        self._ungradable.note(kind, verdict.reason)
        if kind == TRUST:
            # Rows below the level of trust say nothing about how well grading works.
            self._verdicts -= 1
        elif kind in SET_UP:
            self._at_fault += 1
            self._faults.note(kind, verdict.reason)

    def _may_be_named(self, index: int) -> bool:
        return len(self._useless) < NAMED or index < self._useless[-1].number

    def _named(self) -> str:
        useless = self.groups - self.endings["accepted"]
        if not useless:
            return "all were useful, and too few"
        named = [f"{one.prompt!r} ({one.right} of {one.of} right)" for one in self._useless]
        more = f" and {useless - len(named)} more" if useless > len(named) else ""
        return f"useless were {', '.join(named)}{more}"


class _Reasons:
    """Ungradable reasons, counted by kind, each kind with one of them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._example: dict[str, str] = {}

    def note(self, kind: str, reason: str) -> None:
        self._counts[kind] += 1
        self._example.setdefault(kind, reason)

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __str__(self) -> str:
        counted = self._counts.most_common(REASONS)
        return "; ".join(f"{count} x {self._example[kind]}" for kind, count in counted)
