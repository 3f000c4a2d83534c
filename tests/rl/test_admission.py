"""Which groups can teach: by correctness, by reward, all of them, or by a rule of the user's."""

from pathlib import Path

import pytest

from data.schema import Prompt
from rewards import Verdict
from rl.dispatch.admission import RULES, admission_of
from rl.errors import ConfigError
from rl.groups import Group

RIGHT, WRONG = Verdict.correct(1.0), Verdict.incorrect(0.0)
BROKEN = Verdict.ungradable("outage: the verifier is away")


def graded(*verdicts: Verdict) -> Group:
    return Group(0, Prompt("p", ({"role": "user", "content": "?"},)), 0, (), verdicts)


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
        (paid(-1e6, -1e6 + 0.1), "reward", "rejected_equal"),
        (paid(0.0, 1e-3), "reward", "accepted"),
        (graded(Verdict.incorrect(0.0), BROKEN), "reward", "ungradable"),
        (graded(BROKEN, RIGHT), "none", "accepted"),
        (graded(WRONG, WRONG), "none", "accepted"),
        (graded(BROKEN, BROKEN), "none", "ungradable"),
    ],
)
def test_how_a_group_ends(group: Group, rule: str, ending: str) -> None:
    assert admission_of(rule).ending(group) == ending


HARD = '''
class Hard:
    """Groups that were right at most half of the time."""

    def ending(self, group):
        right = sum(verdict.is_correct for verdict in group.verdicts)
        if right == 0:
            return "rejected_incorrect"
        return "accepted" if 2 * right <= len(group.gradable) else "rejected_correct"
'''


def rule_of(tmp_path: Path, text: str, name: str) -> str:
    (tmp_path / "rule.py").write_text(text)
    return f"{tmp_path / 'rule.py'}:{name}"


def test_a_users_rule_says_how_groups_end(tmp_path: Path) -> None:
    rule = admission_of(rule_of(tmp_path, HARD, "Hard"))
    groups = graded(RIGHT, WRONG, WRONG), graded(RIGHT, RIGHT, WRONG), graded(WRONG, WRONG)
    endings = ["accepted", "rejected_correct", "rejected_incorrect"]
    assert [rule.ending(group) for group in groups] == endings
    assert rule.ending(graded(BROKEN, RIGHT, BROKEN)) == "ungradable", "it is not even asked"


@pytest.mark.parametrize(
    ("text", "name", "error"),
    [
        ("", "Hard", r"rule\.py has no filter 'Hard' \(it has: none\)"),
        ("import nowhere", "Hard", r"rule\.py, line 1, failed to import: ModuleNotFoundError"),
        ("def rule(group): ...", "rule", "'rule' of .* is not a class"),
        ("class A: ...", "A", r"'A' of .* has no `def ending\(self, group\)`"),
        ("class A:\n def ending(self): ...", "A", r"has no `def ending\(self, group\)`"),
        ("class A:\n async def ending(self, g): ...", "A", "must not be async"),
        (
            "class A:\n def __init__(self, x): ...\n def ending(self, g): ...",
            "A",
            "'A' of .* cannot be made without arguments: TypeError",
        ),
    ],
)
def test_a_rule_that_cannot_work_is_refused_at_once(
    tmp_path: Path, text: str, name: str, error: str
) -> None:
    with pytest.raises(ConfigError, match=error) as caught:
        admission_of(rule_of(tmp_path, text, name))
    assert str(caught.value).startswith("sampler.filter: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("corectness", "there is no rule 'corectness'; choose one of correctness, reward, none"),
        ("", "there is no rule ''"),
        ("missing.py:Rule", r"there is no filter file .*missing\.py"),
        ("missing.py", "'missing.py' names no function or class"),
    ],
)
def test_a_rule_that_is_not_there_is_named(name: str, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        admission_of(name)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("1 / 0", "failed at prompt 'p': ZeroDivisionError: division by zero"),
        ("return 'good'", r"said 'good' of prompt 'p'; an ending is one of accepted, rejected_"),
        ("return True", "said True of prompt 'p'"),
        ("return [1]", r"said \[1\] of prompt 'p'"),
    ],
)
def test_what_a_users_rule_does_later_is_one_line(tmp_path: Path, body: str, error: str) -> None:
    rule = admission_of(rule_of(tmp_path, f"class A:\n def ending(self, g):\n  {body}", "A"))
    with pytest.raises(ConfigError, match=error) as caught:
        rule.ending(graded(RIGHT, WRONG))
    assert "\n" not in str(caught.value)


def test_every_name_of_a_rule_is_one() -> None:
    assert all(admission_of(name).ending(graded(BROKEN)) == "ungradable" for name in RULES)
