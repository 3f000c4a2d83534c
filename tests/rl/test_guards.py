"""Each guard is provoked: it warns in one line, it stops with the last step saved, or is silent."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from data.schema import Prompt
from rewards import Sample
from rewards.combine import Rubric
from rewards.grading.pool import GradingPool
from rewards.use import Use
from rl.config import CanaryConfig, GuardsConfig, RunConfig
from rl.config.guards import GuardConfig, JudgeGuard
from rl.config_file import load_config
from rl.errors import ConfigError, EngineError
from rl.groups import Group
from rl.guards.measures import found_in, looked_at
from rl.guards.probes import Probes, drift
from rl.guards.table import GUARDS, GuardError
from rl.guards.watch import QUIET, guards_of
from rl.recorder import Recorder
from rl.report import write_report
from rl.tokens import Episode, Segment, Span, Trajectory
from tests.fake_judge import fake_judge, grades
from tests.rl.trainer_world import HELD_OUT, World
from tests.virtual_time import run

STEPS = 22
TURN = 12
"""The step from which something goes wrong."""
MANY = [Prompt(f"e{i}", ({"role": "user", "content": "!"},), "1") for i in range(64)]
REWARDED = {"verifier": "judge", "options": {"url": "http://nowhere/v1"}}


def well(step: int) -> dict[str, float]:
    """What a learner tells that goes well."""
    return {"rollout_logprob_gap": 0.01, "entropy": 0.5, "grad_norm": 1.0 + step % 3}


def number(name: str, bad: float) -> Callable[[World], None]:
    """A metric of the learner that turns."""

    def provoke(world: World) -> None:
        world.learner.metrics = lambda step: well(step) | ({name: bad} if step >= TURN else {})

    return provoke


def longer(world: World) -> None:
    world.engines.answer = lambda version: (14 if version >= TURN else 2, "stop")


def cut(world: World) -> None:
    world.engines.answer = lambda version: (2, "length" if version >= TURN else "stop")


def spoilt(world: World) -> None:
    """Fewer and fewer held-out prompts are answered, and the reward rises."""

    def useless(prompt: str) -> bool:
        right = 60 if len(world.learner.steps) < TURN else 10
        return prompt.startswith("e") and int(prompt[1:]) >= right

    world.useless = useless
    world.reward = lambda step: 1.0 + step / 100


def another_judge(world: World) -> None:
    """Its endpoint now serves a model that likes everything less."""
    world.reward = lambda step: 0.9 if step < TURN else 0.1


def other_weights(world: World) -> None:
    world.publisher.gap = lambda version: 0.2 if version >= TURN else 1e-3


PROVOKED: Mapping[str, tuple[Callable[[World], None], float | None]] = {
    "logprob_gap": (number("rollout_logprob_gap", 0.3), 0.2),
    "entropy": (number("entropy", 0.02), 0.05),
    "length": (longer, 3.0),
    "truncated": (cut, 0.9),
    "gradient": (number("grad_norm", 400.0), 100.0),
    "held_out": (spoilt, 0.5),
    "judge": (another_judge, 0.5),
    "canary": (other_weights, None),
}
"""How each guard is provoked, and a `stop` that is passed too."""
each = pytest.mark.parametrize("guard", PROVOKED)


def world_of(
    folder: Path, prompts: Sequence[Prompt] = HELD_OUT, guard: str = "", **guards: Any
) -> World:
    """A run in which one guard is provoked; thresholds that stop are off but for `guards`."""
    off = {name: {"stop": None} for name in GuardsConfig.model_fields}
    sections: dict[str, Any] = {"guards": {**off, **guards}}
    if guard == "judge":
        sections["reward"] = REWARDED
    world = World(
        folder,
        held_out=MANY if guard == "held_out" else prompts,
        train={"steps": STEPS, "eval_every": 6, "checkpoint_every": 0},
        **sections,
    )
    world.learner.metrics = well
    if guard:
        provoke, _ = PROVOKED[guard]
        provoke(world)
    return world


def found(world: World) -> dict[str, list[int]]:
    """The steps at which guards have found something."""
    at: dict[str, list[int]] = {}
    for row in world.steps():
        for guard in row["guards"]:
            at.setdefault(guard, []).append(row["step"])
    return at


def test_the_guards_here_are_those_of_the_table_and_of_the_settings() -> None:
    assert set(PROVOKED) == set(GUARDS) == {*GuardsConfig.model_fields, "canary"}


@pytest.mark.parametrize("guard", GUARDS)
def test_what_a_remedy_tells_to_set_can_be_set(guard: str) -> None:
    for path, value in re.findall(r"\b([a-z_]+(?:\.[a-z_]+)+)=(\w+)", GUARDS[guard].remedy):
        settings: Any = yaml.safe_load(value)
        for name in reversed(path.split(".")):
            settings = {name: settings}
        RunConfig.model_validate(settings)


def test_a_run_that_goes_well_hears_nothing(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    run(world.run())
    assert found(world) == {} and not [line for line in world.said if "guard" in line]
    assert "None has warned." in write_report(tmp_path).read_text()


@each
def test_a_guard_warns_in_one_line(guard: str, tmp_path: Path) -> None:
    world = world_of(tmp_path, guard=guard)
    run(world.run())
    at = found(world)
    assert list(at) == [guard] and at[guard][0] >= TURN
    lines = [line for line in world.said if line.startswith("guard ")]
    assert lines and all(line.startswith(f"guard {guard}, step ") for line in lines)
    assert len(lines) <= 1 + (STEPS - TURN) // QUIET
    first = next(row["guards"][guard] for row in world.steps() if row["guards"])
    assert first["level"] == "warn" and first["line"] == lines[0] and "\n" not in lines[0]
    assert f"{GUARDS[guard].settings}.warn={first['threshold']:g}" in lines[0]
    assert GUARDS[guard].means in lines[0] and GUARDS[guard].remedy[1:] in lines[0]
    page = write_report(tmp_path).read_text()
    assert f"<b>{guard}</b>" in page and GUARDS[guard].means.replace("'", "&#39;") in page


@each
def test_a_guard_stops_the_run_between_two_steps(guard: str, tmp_path: Path) -> None:
    _, stop = PROVOKED[guard]
    world = world_of(tmp_path, guard=guard, **({guard: {"stop": stop}} if stop is not None else {}))
    if guard == "canary":
        world.publisher.gap = lambda version: 0.6 if version >= TURN else 1e-3
    with pytest.raises(GuardError, match=rf"guard {guard}, step \d+: .*\.stop=") as caught:
        run(world.run())
    assert isinstance(caught.value, EngineError) == (guard == "canary")
    last = world.steps()[-1]
    assert TURN <= last["step"] < STEPS and world.store.steps() == [last["step"]]
    stops = [row["guards"] for row in world.steps() if row["guards"]]
    assert stops[-1][guard]["level"] == "stop"
    assert str(caught.value) == stops[-1][guard]["line"]
    again = world_of(tmp_path)
    run(again.run())
    assert again.learner.steps == list(range(1, STEPS + 1))
    assert "stopped the run" in write_report(tmp_path).read_text()


@pytest.mark.parametrize("guard", ["logprob_gap", "entropy", "length", "truncated"])
def test_a_single_odd_step_is_nothing(guard: str) -> None:
    rows = [looked_at(_row(step)) for step in range(1, 15)]
    odd = {"logprob_gap": {"rollout_logprob_gap": 9.0}, "entropy": {"entropy": 1e-4}}
    odd |= {"length": {"response_tokens_mean": 900.0}, "truncated": {"truncated": 1.0}}
    config, seen = GuardsConfig(), []
    for at in (8, 9, 11, 12, 13):  # two in a row, then three
        rows[at] |= odd[guard]
    for end in range(1, len(rows) + 1):
        seen += [(one.guard, one.step) for one in found_in(rows[:end], config)]
    assert seen == [(guard, 14)]


def test_what_was_not_measured_says_nothing() -> None:
    """Asynchronous steps may have no token of lag 0: the next that has some counts on."""
    config = GuardsConfig()
    rows = [looked_at(_row(step) | {"rollout_logprob_gap": None}) for step in range(1, 9)]
    for at in (3, 5, 7):
        rows[at]["rollout_logprob_gap"] = 2.0
        ended = [one.guard for one in found_in(rows[: at + 1], config)]
        assert ended == (["logprob_gap"] if at == 7 else [])
        assert not list(found_in(rows[:at], config))
    assert not list(found_in([looked_at({"step": 1})], config))


def test_a_resumed_run_compares_with_its_own_first_steps(tmp_path: Path) -> None:
    """The entropy had fallen to a twentieth before the resumed part began."""
    world = world_of(tmp_path)
    world.engines.fails["34"] = EngineError("no engine is left")
    with pytest.raises(EngineError, match="left"):
        run(world.run())
    again = world_of(tmp_path)
    again.learner.metrics = lambda step: well(step) | {"entropy": 0.02}
    run(again.run())
    assert found(again)["entropy"][0] == again.rows[2]["step"]


def test_steps_that_are_made_again_are_forgotten(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=-1)
    said: list[str] = []
    pool = GradingPool("math")
    guards = guards_of(RunConfig(run_dir=tmp_path), recorder, pool, say=said.append)
    for step in range(1, 12):
        assert guards.look(_row(step), []) == {}
    for step in (12, 13):
        assert guards.look(_row(step) | {"truncated": 1.0}, []) == {}
    for step in (12, 13):  # a learner was lost, and the run went back to step 11
        assert guards.look(_row(step) | {"truncated": 1.0}, []) == {}
    assert list(guards.look(_row(14) | {"truncated": 1.0}, [])) == ["truncated"]
    recorder.close()


def test_a_run_that_is_over_is_told_and_not_stopped(tmp_path: Path) -> None:
    """That of the last evaluation is the second that has fallen, far below what stops."""
    world = world_of(tmp_path, MANY, held_out={"stop": 0.1})
    world.reward = lambda step: 1.0 + step / 100
    world.useless = lambda prompt: prompt.startswith("e") and len(world.learner.steps) > 14
    run(world.run())
    assert world.steps()[-1]["guards"]["held_out"]["level"] == "stop"
    (line,) = [line for line in world.said if line.startswith("guard ")]
    assert f"step {STEPS}" in line and "100.0 points" in line


@pytest.mark.parametrize(
    ("right", "reward", "is_found"),
    [
        ((60, 20), (0.2, 0.4), True),
        ((60, 20), (0.4, 0.4), False),  # nothing is gained: no training set is learnt by heart
        ((60, 20), (0.4, 0.2), False),
        ((60, 55), (0.2, 0.4), False),  # 8 points of 64 prompts are no difference
        ((20, 60), (0.2, 0.4), False),
        ((60, 20, 60), (0.2, 0.4), False),  # it comes back by itself
    ],
)
def test_the_held_out_set_falls_while_the_reward_rises(
    right: tuple[int, ...], reward: tuple[float, float], is_found: bool, tmp_path: Path
) -> None:
    world = world_of(tmp_path, MANY)

    def useless(prompt: str) -> bool:
        steps = len(world.learner.steps)
        kept = right[-1] if steps > 18 else right[1] if steps > 14 else right[0]
        return prompt.startswith("e") and int(prompt[1:]) >= kept

    world.useless = useless
    world.reward = lambda step: 2 * reward[0 if step < 15 else 1]
    run(world.run())
    assert ("held_out" in found(world)) == is_found


async def test_a_judge_is_asked_anew_past_its_cache(tmp_path: Path) -> None:
    """Its endpoint serves another model: the cache would go on as if nothing had happened."""
    with fake_judge(lambda body: grades(8)) as judge:
        use = Use("judge", {"url": judge.url, "cache": str(tmp_path / "cache")})
        rubric = Rubric(Use("math"), {"text": use})
        probes = Probes(JudgeGuard(answers=4), rubric, tmp_path)
        async with GradingPool(rubric, workers=1) as pool:
            for group in await _graded(pool, [*(f"t{i}" for i in range(5)), "m0"]):
                probes.ended(group, "accepted")
            assert probes.is_due(10) and not probes.is_due(11)
            same = await probes.look(pool)
            assert same is not None and same.mean == 0 and same.answers == 4
            judge.answer = lambda body: grades(2)
            resumed = Probes(JudgeGuard(answers=4), rubric, tmp_path)
            assert resumed.is_due(20)
            moved = await resumed.look(pool)
            assert moved is not None and moved.shift == pytest.approx(-moved.mean)
            assert moved.mean > 1 and moved.answers == 4
            (cached, *_) = await _graded(pool, ["t0"])
            assert cached.verdicts[0].metrics["score"] == 8, "what the run has paid for stands"
            judge.answer = lambda body: (400, {})
            assert await resumed.look(pool) is None, "an outage is no drift"


def test_a_run_without_a_judge_keeps_no_answers(tmp_path: Path) -> None:
    probes = Probes(JudgeGuard(), Rubric(Use("math")), tmp_path)
    world = World(tmp_path / "world", train={"steps": 1, "eval_every": 0})
    run(world.run())
    assert not list(tmp_path.rglob("judge_probes.json")) and not probes.is_due(10)
    assert drift([], []) is None


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("guards.entropy.stop=0.2", "guards.entropy: warn=0.1 has to be above stop=0.2"),
        ("guards.judge.stop=0.1", "guards.judge: warn=0.3 has to be below stop=0.1"),
        ("guards.lenght.warn=3", "did you mean guards.length"),
    ],
)
def test_a_wrong_threshold_is_refused(override: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        load_config(None, [override])


def test_the_readme_explains_each_guard_with_its_defaults() -> None:
    text = (Path(__file__).parents[2] / "rl" / "README.md").read_text()
    rows = dict(re.findall(r"^\| `((?:guards|sync)\.\w+)` \| .* \| (.+ / .+) \|$", text, re.M))
    settings: dict[str, GuardConfig | CanaryConfig] = {
        f"guards.{name}": getattr(GuardsConfig(), name) for name in GuardsConfig.model_fields
    }
    settings["sync.canary"] = CanaryConfig()
    assert rows == {
        name: " / ".join("-" if at is None else f"{at:g}" for at in (one.warn, one.stop))
        for name, one in settings.items()
    }


def _row(step: int) -> dict[str, Any]:
    return {
        "step": step,
        "response_tokens_mean": 100.0,
        "truncated": 0.1,
        "reward_mean": 0.5,
        **well(step),
    }


async def _graded(pool: GradingPool, names: Sequence[str]) -> list[Group]:
    """A group of one answer for each name; those with a `t` are texts."""
    ids = np.arange(3, dtype=np.int32)
    said = Segment(ids, np.zeros(3, np.float32), (Span(3, 0),))
    trajectory = Trajectory((Segment(ids), said))
    found = []
    for index, name in enumerate(names):
        task = "text" if name.startswith("t") else "math"
        prompt = Prompt(name, ({"role": "user", "content": "Say something."},), "1", task)
        episode = Episode((trajectory,), (), "stop", f"Something, says {name}.")
        sample = Sample(f"{name}#0", prompt.messages, episode.response, "1", task)
        found.append(Group(index, prompt, 0, (episode,), tuple(await pool.grade([sample]))))
    return found
