"""What a run's settings say of rewards, as verifiers: routes, terms, options, nodes."""

from pathlib import Path

import pytest

from rewards import GradingPool, OptionsError, Rubric, Sample, Term, Use
from rewards.grading.running import Call, Pending
from rl.config import RewardConfig
from rl.config_file import dump_config, load_config
from rl.errors import ConfigError
from rl.rewarding import grading_pool, rubric, slow_grading, slowest_calls

CONFIGURED = Path(__file__).parent / "plugins" / "configured.py"
FULL = """
reward:
  verifier: math
  routes:
    wordy: {spec: "SPEC:Length", options: {max_words: 2}, deadline: 1.5}
    polite: "SPEC:ending"
  terms:
    box: {spec: format, weight: 0.25, options: {style: boxed}, tasks: [sums]}
    overlong: {weight: 1, options: {max_tokens: 8, cache_tokens: 4}}
  scale: {correct: 1, incorrect: -1}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text.replace("SPEC", str(CONFIGURED)))
    return path


async def test_settings_become_verifiers(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, FULL))
    assert rubric(config.reward) == Rubric(
        Use("math"),
        {
            "wordy": Use(f"{CONFIGURED}:Length", {"max_words": 2}, 1.5),
            "polite": Use(f"{CONFIGURED}:ending"),
        },
        (
            Term("box", Use("format", {"style": "boxed"}), 0.25, frozenset({"sums"})),
            Term("overlong", Use("overlong", {"max_tokens": 8, "cache_tokens": 4}), 1.0),
        ),
        1.0,
        -1.0,
    )
    batch = [
        Sample("a", (), "\\boxed{4}", "4", "sums", metadata={"response_tokens": 6}),
        Sample("b", (), "one two three", None, "wordy", metadata={"response_tokens": 9}),
        Sample("c", (), "please!", None, "polite", metadata={"response_tokens": 1}),
    ]
    pool = grading_pool(config.reward)
    assert isinstance(pool, GradingPool)
    async with pool:
        a, b, c = await pool.grade(batch)
    assert (a.is_correct, a.reward) == (True, 1 + 0.25 - 0.5)
    assert (b.is_correct, b.reward) == (False, -1 - 1)
    assert (c.is_correct, c.reward) == (True, 1.0)


def test_settings_survive_the_way_through_a_file(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, FULL))
    assert load_config(written(tmp_path, dump_config(config))) == config


def test_the_simple_case_is_one_name() -> None:
    assert rubric(RewardConfig(verifier="math-bare")) == Rubric(Use("math-bare"))
    given = RewardConfig(verifier=f"{CONFIGURED}:Length", options={"max_words": "many"})
    with pytest.raises(OptionsError, match="option max_words: "):
        grading_pool(given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("routes: {code: {spce: x}}", "reward.routes.code: no setting 'spce'; valid here: spec, "),
        ("routes: {code: {}}", "reward.routes.code.spec: field required"),
        ("routes: {code: 3}", "reward.routes.code is a section: give it settings of its own"),
        ("terms: {format: {}}", "reward.terms.format: what is it worth?"),
        ("terms: {format: {weight: .inf}}", "reward.terms.format.weight: input should be a finite"),
        ("terms: {format: {weight: 1, tasks: sums}}", "reward.terms.format.tasks: input should be"),
        ("scale: {right: 1}", "unknown key reward.scale.right"),
        ("nodes: -1", "reward.nodes: input should be greater than or equal to 0"),
    ],
)
def test_a_wrong_setting_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, f"reward: {{{text}}}"))
    assert message in str(caught.value)


class Waiting(GradingPool):
    """A pool that has been at a sample for a while."""

    def __init__(self, seconds: float, running: bool) -> None:
        super().__init__("math")
        self._seen = [Pending("math", "sum-7#3", seconds, running)]

    def pending(self) -> list[Pending]:
        return self._seen

    def take_slowest(self) -> list[Call]:
        return [Call("math", "a#b#3", 1.23456)]


def test_slow_grading_is_told_by_name_and_quick_grading_is_not() -> None:
    assert slow_grading(Waiting(7.4, running=True)) == "math is grading sum-7#3, 7 s so far"
    assert slow_grading(Waiting(4.0, running=True)) == ""
    assert slow_grading(Waiting(60.0, running=False)) == ""
    assert slow_grading(GradingPool("math")) == ""
    assert slowest_calls(Waiting(0, running=True)) == [["math", "a#b", 1.2346]]
