"""How a group ends, and what to say of groups that give a batch nothing to train on."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rewards import Verdict
from rl.config import SamplerConfig
from rl.old_groups import Group

_REMEDIES: Final = {
    "rejected_correct": "the prompts are too easy for this policy: use harder data",
    "rejected_incorrect": "the prompts are too hard for this policy: use easier data or a stronger "
    "model",
    "rejected_equal": "the rewards do not differ: use a finer reward or other data",
    "ungradable": "the answers could not be graded: mend the verifier",
    "late": "the groups took too long to generate: raise rollout.deadline",
}
"""What to do, by the ending that most groups of a starved batch had."""
"""What to do, by the ending that most groups of a starved batch had."""
NAMED: Final = 3
"""Prompts that are named where they starve a batch."""


def ending_of(group: Group, rule: str) -> str:
    """How a group ends: accepted, rejected_correct or _incorrect or _equal, ungradable, late.

    Ungradable verdicts have measured nothing and are left out; a group with fewer than two
    gradable ones (one under rule "none") is itself ungradable.
    """
    if not group.verdicts:
        return "late"
    verdicts = [group.verdicts[i] for i in group.gradable]
    if len(verdicts) < (1 if rule == "none" else 2):
        return "ungradable"
    if rule == "none":
        return "accepted"
    if rule == "reward":
        rewards = [verdict.reward for verdict in verdicts]
        spread = max(rewards) - min(rewards)
        return "accepted" if spread > 1e-6 * max(1.0, *map(abs, rewards)) else "rejected_equal"
    correct = sum(verdict.is_correct for verdict in verdicts)
    if 0 < correct < len(verdicts):
        return "accepted"
    return "rejected_correct" if correct else "rejected_incorrect"


def starved(config: SamplerConfig, needed: int, ends: Counter[str], groups: Sequence[Group]) -> str:
    """What a batch that cannot be filled says: how its groups ended, some of them, and a remedy.

    Args:
        config: the sampler's settings.
        needed: groups that the batch had to find.
        ends: how many groups ended how.
        groups: the groups themselves.
    """
    total = len(groups)
    rate = ends["accepted"] / total if total else 0.0
    remedy = _REMEDIES[max(_REMEDIES, key=lambda ending: ends[ending])]
    bad = [one for group in groups for one in group.verdicts if not one.is_gradable]
    why = f" ({reasons_of(bad)})" if bad else ""
    return (
        f"dynamic sampling gave up after {total} prompts: acceptance rate {rate:.1%}, "
        f"{ends['accepted']} of {needed} groups ({ends['rejected_correct']} all correct, "
        f"{ends['rejected_incorrect']} all incorrect, {ends['rejected_equal']} of equal reward, "
        f"{ends['ungradable']} ungradable{why}, {ends['late']} late); "
        f"{_starving(config, groups)}; {remedy} or raise sampler.samples_per_prompt "
        f"(now {config.samples_per_prompt}) in a new run, or raise sampler.give_up_after"
    )


def reasons_of(bad: Sequence[Verdict]) -> str:
    """The most frequent kinds of ungradable reasons, each with one of them."""
    example = {verdict.kind: verdict.reason for verdict in bad}
    counted = Counter(verdict.kind for verdict in bad).most_common(3)
    return "; ".join(f"{count} x {example[kind]}" for kind, count in counted)


def _starving(config: SamplerConfig, groups: Sequence[Group]) -> str:
    """Some of the prompts that gave nothing to train on, with what their answers were worth."""
    useless = [group for group in groups if ending_of(group, config.filter) != "accepted"]
    if not useless:
        return "all were useful, and too few"
    named = []
    for group in sorted(useless, key=lambda group: group.index)[:NAMED]:
        right = sum(verdict.is_correct for verdict in group.verdicts)
        named.append(f"{group.prompt.id!r} ({right} of {len(group.verdicts)} right)")
    more = f" and {len(useless) - len(named)} more" if len(useless) > len(named) else ""
    return f"useless were {', '.join(named)}{more}"
