"""Which groups can teach: what was not measured is left out, and rounding is no spread."""

import pytest

from data.schema import Prompt
from rewards import Verdict
from rl.endings import ending_of
from rl.old_groups import Completion, Generation, Group

RIGHT, WRONG = Verdict.correct(1.0), Verdict.incorrect(0.0)
BROKEN = Verdict.ungradable("outage: the verifier is away")


def graded(*verdicts: Verdict) -> Group:
    answers = [Completion([1], [-1.0], "", "stop")] * len(verdicts)
    return Group(
        0,
        Prompt("p", ({"role": "user", "content": "?"},)),
        Generation([1], answers, 0),
        list(verdicts),
    )


def paid(*rewards: float) -> Group:
    return graded(*map(Verdict.incorrect, rewards))


@pytest.mark.parametrize(
    ("group", "rule", "ending"),
    [
        (graded(RIGHT, WRONG), "correctness", "accepted"),
        (graded(RIGHT, RIGHT), "correctness", "rejected_correct"),
        (graded(WRONG, WRONG), "correctness", "rejected_incorrect"),
        (graded(RIGHT, BROKEN, RIGHT), "correctness", "rejected_correct"),
        (graded(WRONG, BROKEN, BROKEN), "correctness", "ungradable"),
        (graded(RIGHT, BROKEN, WRONG), "correctness", "accepted"),
        # Shaped rewards differ, yet the answers are all right: there is nothing to learn from.
        (graded(Verdict.correct(0.3), Verdict.correct(1.0)), "correctness", "rejected_correct"),
        (graded(Verdict.correct(0.3), Verdict.correct(1.0)), "reward", "accepted"),
        (graded(Verdict.correct(0.5), Verdict.incorrect(0.5)), "reward", "rejected_equal"),
        (paid(0.3, 0.1 + 0.2), "reward", "rejected_equal"),
        (paid(*[sum([0.7] * 10) / 10, 0.7]), "reward", "rejected_equal"),
        (paid(1e6, 1e6 + 0.1), "reward", "rejected_equal"),
        (paid(0.0, 1e-3), "reward", "accepted"),
        (graded(Verdict.incorrect(0.0), BROKEN), "reward", "ungradable"),
        (graded(BROKEN, RIGHT), "none", "accepted"),
        (graded(WRONG, WRONG), "none", "accepted"),
        (graded(BROKEN, BROKEN), "none", "ungradable"),
    ],
)
def test_judge(group: Group, rule: str, ending: str) -> None:
    assert ending_of(group, rule) == ending
