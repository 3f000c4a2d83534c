"""Each kind of task is measured apart, and what was not measured is no 0."""

from data.schema import Prompt
from rewards import Verdict
from rl.old_groups import Completion, Generation, Group
from rl.task_metrics import accuracy, accuracy_by_task, by_task

RIGHT, WRONG = Verdict.correct(passed=4.0), Verdict.incorrect(-1.0, passed=1.0, form=0.5)
LOST = Verdict.ungradable("outage: away", passed=9.0)


def prompt(task: str) -> Prompt:
    return Prompt(f"{task}/1", ({"role": "user", "content": "?"},), task=task)


def group(task: str, *verdicts: Verdict) -> Group:
    answers = [Completion([1], [-0.5], "", "stop") for _ in verdicts]
    return Group(0, prompt(task), Generation([1], answers, 0), list(verdicts))


def test_each_task_has_its_own_numbers() -> None:
    groups = [
        group("tool", RIGHT, WRONG),
        group("text", LOST, LOST),
        group("tool", RIGHT, LOST),
        group("", RIGHT, RIGHT),
    ]
    assert by_task(groups) == {
        "text": {
            "accuracy": None,
            "reward_mean": None,
            "groups_sampled": 1,
            "ungradable": 2,
            "verdicts": {},
        },
        "tool": {
            "accuracy": 2 / 3,
            "reward_mean": 1 / 3,
            "groups_sampled": 2,
            "ungradable": 1,
            "verdicts": {"form": 0.5, "passed": 3.0},
        },
    }
    assert by_task([]) == {}


def test_evaluated_prompts_of_each_task() -> None:
    prompts = [prompt("tool"), prompt("text"), prompt("tool"), prompt("")]
    verdicts = [[RIGHT], [LOST], [WRONG], [RIGHT]]
    assert accuracy_by_task(prompts, verdicts) == {"text": None, "tool": 0.5}
    assert accuracy([RIGHT, LOST, WRONG, WRONG]) == 1 / 3
    assert accuracy([]) is None
