"""A step's counts before filtering: each task apart, and what was not measured is no 0."""

from dataclasses import replace
from typing import Any

import numpy as np

from data.schema import Prompt
from rewards import Verdict
from rl.evaluation_numbers import summary
from rl.groups import Group
from rl.prefix_tally import PrefixTally
from rl.step_tally import StepTally
from rl.strata import strata_row
from rl.tokens import Episode, Segment, Span, Trajectory
from rl.turn_records import TurnRecord

RIGHT, WRONG = Verdict.correct(passed=4.0), Verdict.incorrect(-1.0, passed=1.0, form=0.5)
LOST = Verdict.ungradable("outage: away", passed=9.0)


def episode(tokens: int = 3, end: Any = "stop", **metrics: float) -> Episode:
    sampled = Segment(np.zeros(tokens, np.int32), np.zeros(tokens, np.float32), (Span(tokens, 2),))
    trajectory = Trajectory((Segment(np.zeros(5, np.int32)), sampled))
    return Episode((trajectory,), (), end, metrics=metrics)


def group(task: str, *verdicts: Verdict, **of_all: Any) -> Group:
    prompt = Prompt(f"{task}/1", ({"role": "user", "content": "?"},), task=task)
    return Group(0, prompt, 2, tuple(episode(**of_all) for _ in verdicts), verdicts)


GROUPS = [
    group("tool", RIGHT, WRONG),
    group("text", LOST, LOST),
    group("tool", RIGHT, LOST),
    group("", RIGHT, RIGHT),
]


def test_each_task_has_its_own_numbers() -> None:
    tally = StepTally()
    for one, ending in zip(
        GROUPS, ("accepted", "ungradable", "ungradable", "rejected_correct"), strict=True
    ):
        tally.add(one, ending)
    row = tally.row()
    assert row["tasks"] == {
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
    assert row["accuracy"] == 4 / 5
    assert (row["groups_sampled"], row["groups_accepted"], row["acceptance_rate"]) == (4, 1, 0.25)
    assert (row["groups_all_correct"], row["groups_ungradable"], row["ungradable"]) == (1, 2, 3)


def test_nothing_measured_is_none() -> None:
    row = StepTally().row()
    unknown = (
        "accuracy",
        "reward_mean",
        "reward_std",
        "acceptance_rate",
        "turns_mean",
        "truncated",
    )
    assert [row[name] for name in unknown] == [None] * 6
    assert row["tasks"] == {}


def test_surplus_counts_once_and_its_tokens_are_lost() -> None:
    tally = StepTally()
    cut = group("", RIGHT, WRONG, tokens=7, end="length", calls=2.0)
    tally.add(cut, "accepted")
    tally.add(cut, "returned")
    tally.add(group("", RIGHT, RIGHT, tokens=1, calls=1.0), "rejected_correct")
    row = tally.row()
    assert (tally.tokens, tally.lost_tokens) == (16, 14)
    assert row["groups_sampled"] == 2
    assert row["response_tokens_mean"] == 4.0
    assert (row["truncated"], row["turns_mean"], row["trajectories_per_episode"]) == (0.5, 1.0, 1.0)
    assert row["environment"] == {"calls": 1.5}


def test_evaluated_prompts_of_each_task() -> None:
    found = summary([GROUPS[0], GROUPS[1], group("tool", WRONG), GROUPS[3]], samples=2)
    assert found["accuracy_by_task"] == {"tool": 0.25}, "text was not measured"


def test_each_source_and_stratum_has_its_own_numbers() -> None:
    """By what was measured before the run, and by the answers of the step itself."""

    def of(source: str, rate: object, *verdicts: Verdict) -> Group:
        one = group("sum", *verdicts)
        prompt = replace(one.prompt, metadata={"pass_rate": rate}).of_source(source)
        return replace(one, prompt=prompt)

    groups = [
        of("a", {"k": 5, "correct": 5}, RIGHT, WRONG),
        of("a", {"k": 5, "correct": 0}, RIGHT, RIGHT),
        of("b", {"k": 5, "correct": 2}, WRONG, LOST),
        of("b", 0.4, LOST, LOST),
        GROUPS[3],
    ]
    tally = StepTally()
    for one in groups:
        tally.add(one, "accepted")
    tally.add(groups[0], "returned")
    row = tally.row() | strata_row(tally.strata, groups[:1])
    assert {name: one["accuracy"] for name, one in row["sources"].items()} == {"a": 0.75, "b": 0.0}
    none = {"easy": 0, "medium": 0, "hard": 0, "unknown": 0}
    assert row["strata"]["sampled"] == {
        "measured": {"easy": 1, "medium": 1, "hard": 1, "unknown": 2},
        "now": {"easy": 2, "medium": 1, "hard": 1, "unknown": 1},
    }
    assert row["strata"]["trained"] == {
        "measured": none | {"easy": 1},
        "now": none | {"medium": 1},
    }
    assert row["strata_by_source"]["a"]["sampled"]["now"] == none | {"easy": 1, "medium": 1}
    assert row["strata_by_source"]["b"]["sampled"]["measured"] == none | {"medium": 1, "unknown": 1}
    assert row["strata_by_source"]["b"]["trained"] == {"measured": none, "now": none}


def test_prefix_hits_are_parted_by_turn_and_say_who_stayed() -> None:
    def turn(trajectory: int, read: int, cached: int | None, engine: int | None) -> TurnRecord:
        return TurnRecord(trajectory, 0, None, read, 9, "stop", 0, 0, None, cached, engine)

    tally = PrefixTally()
    assert tally.row() == {"first": None, "later": None, "same_engine": None}
    tally.add([turn(0, 100, 50, 0), turn(0, 200, 190, 0), turn(0, 300, 10, 1)])
    tally.add([turn(0, 100, None, None), turn(0, 500, None, 1), turn(1, 300, 150, 0)])
    assert tally.row() == {"first": 200 / 400, "later": 200 / 500, "same_engine": 1 / 2}
