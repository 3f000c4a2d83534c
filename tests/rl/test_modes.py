"""Reasoning modes: which prompt has which, what the policy reads, and what is told of each."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.config import RunConfig
from rl.config_file import dump_config, load_config
from rl.episodes.lengths import started, token_counts
from rl.episodes.rendering import renderer_of
from rl.episodes.runner import GroupRunner
from rl.episodes.single_turn import SingleTurn
from rl.errors import ConfigError
from rl.evaluation_numbers import summary
from rl.groups import prompt_from_state, prompt_to_state
from rl.modes import counted_modes, in_modes
from rl.report_charts import panels_of
from rl.report_records import History
from rl.rewarding import rubric
from rl.step_tally import StepTally
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer

SWITCHED = templates.KEEPS + (
    "{%- if enable_thinking is defined %}{{ '<think>' if enable_thinking else "
    "'<think></think>' }}{%- endif %}"
)
TOKENIZER = small_tokenizer(SWITCHED)
MODES: dict[str, Any] = {
    "think": {
        "template_arguments": {"enable_thinking": True},
        "share": 3,
        "checks": {"thinking": "some", "max_tokens": 4},
    },
    "turbo": {"prefix": "/turbo <think>", "template": "Short: {prompt}", "system": "Be brief."},
    "direct": {
        "template_arguments": {"enable_thinking": False},
        "share": 0,
        "checks": {"thinking": "none"},
    },
}


def config(**more: Any) -> RunConfig:
    tree = {"modes": MODES, "sampler": {"samples_per_prompt": 2, "filter": "none"}, **more}
    return RunConfig.model_validate(tree)


def prompt(name: str = "p", **more: Any) -> Prompt:
    return Prompt(name, ({"role": "user", "content": "6 or 7?"},), "7", **more)


PROMPTS = [prompt(f"p{i}") for i in range(2000)]


def text_of(one: Prompt, **more: Any) -> str:
    text: str = TOKENIZER.decode(started(renderer_of(TOKENIZER, config(**more)), one))
    return text


def test_shares_are_kept_and_the_mode_depends_on_id_and_seed_alone() -> None:
    found = in_modes(PROMPTS, config(), seed=7)
    counts = {name: sum(one.mode == name for one in found) for name in MODES}
    assert counts["direct"] == 0
    assert 1400 < counts["think"] < 1600, "three of four"
    again = in_modes([prompt("new"), *PROMPTS[::-1]], config(), seed=7)
    assert again[1:] == found[::-1]
    assert in_modes(PROMPTS, config(), seed=8) != found
    assert (
        counted_modes(found)
        == f"{counts['think']:,} in mode think, {counts['turbo']} in mode turbo"
    )


def test_who_names_a_mode_has_it() -> None:
    sources = {"a": {"file": "a.jsonl", "mode": "direct"}, "b": "b.jsonl"}
    of_sources = config(data={"sources": sources})
    row = prompt("r", metadata={"mode": "direct"})
    own, other = prompt(source="a"), replace(row, source="b")
    assert [one.mode for one in in_modes([own, other], of_sources, seed=0)] == ["direct"] * 2
    assert in_modes([row], config(), seed=0)[0].mode == "direct"
    assert in_modes([row], config(data={"mode": "turbo"}), seed=0)[0].mode == "turbo"
    assert in_modes([row], config(), seed=0, mode="think")[0].mode == "think"
    drawn = in_modes([row], config(data={"mode_column": None}), seed=0)[0].mode
    assert drawn in ("think", "turbo")
    assert in_modes(PROMPTS[:3], RunConfig(), seed=0) == PROMPTS[:3], (
        "without modes nothing changes"
    )


@pytest.mark.parametrize(
    ("tree", "one", "said"),
    [
        ({}, prompt(metadata={"mode": "exact"}), "its column 'mode' names the mode 'exact'.*data"),
        ({}, prompt(metadata={"mode": 3}), "names the mode 3"),
        ({}, prompt(metadata={"mode": ["think"]}), "names the mode \\['think'\\]"),
        ({}, prompt(metadata={"mode": {"name": "think"}}), "names the mode {'name'"),
        ({"modes": {"a": {"share": 0}}}, prompt(), "share of every mode is 0"),
        (
            {"modes": {"a": {"template": "{prompt}!"}}},
            replace(prompt(), messages=({"role": "tool", "content": "3"},)),
            r"ends with a message of role 'tool', which modes\.a\.template",
        ),
    ],
)
def test_a_prompt_that_can_have_no_mode_is_named(
    tree: dict[str, Any], one: Prompt, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        in_modes([one], config(**tree), seed=0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("data.mode=fast", "data.mode='fast' is no mode; there are a"),
        ("evaluation={x: {file: x.jsonl, mode: fast}}", "evaluation.x.mode='fast' is no mode"),
        ("modes={'a/b': {}}", "'a/b' is no name"),
        ("modes.a.template=short", "has no place for the prompt"),
        ("modes.a.checks.language=xx", "language 'xx' cannot be told"),
        ("modes.a.checks.thinks=some", "no setting 'thinks'"),
        ("modes.a.shares=2", "no setting 'shares'"),
        ("modes.a=2", "modes.a is a section"),
    ],
)
def test_settings_that_say_nothing_are_refused(tmp_path: Path, changes: str, said: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("modes: {a: {checks: {thinking: some}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, [changes])
    assert said in str(caught.value)


def test_checks_are_those_of_the_term_and_settings_read_again_are_the_same(tmp_path: Path) -> None:
    first = config(reward={"terms": {"style": {"spec": "reasoning", "factor": 0.5}}})
    (term,) = rubric(first.reward).terms
    assert (term.name, term.weight, term.factor) == ("style", 0.0, 0.5)
    assert set(term.use.options["modes"]) == {"think", "direct"}
    (tmp_path / "run.yaml").write_text(dump_config(first))
    assert load_config(tmp_path / "run.yaml") == first
    assert config().reward.terms["reasoning"].weight == 0, "without a term it is measured alone"
    assert not RunConfig.model_validate({"modes": {"a": {}}}).reward.terms


def test_what_the_policy_reads_is_its_modes() -> None:
    asked = "<|im_start|>user\n6 or 7?<|im_end|>\n<|im_start|>assistant\n"
    brief = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nShort: 6 or 7?<|im_end|>\n"
    expected = {
        "think": f"{asked}<think>",
        "turbo": f"{brief}<|im_start|>assistant\n/turbo <think>",
        "direct": f"{asked}<think></think>",
    }
    for name, text in expected.items():
        (one,) = in_modes([prompt()], config(), seed=0, mode=name)
        assert text_of(one) == text
        assert prompt_from_state(prompt_to_state(one)) == one
    assert text_of(prompt()) == asked
    off = {"template_arguments": {"enable_thinking": False}}
    (one,) = in_modes([prompt()], config(), seed=0, mode="think")
    assert text_of(one, rollout=off).endswith("<think>"), "a mode's arguments are before the run's"
    with_system = replace(prompt(), messages=({"role": "system", "content": "A"}, *one.messages))
    (one,) = in_modes([with_system], config(), seed=0, mode="turbo")
    assert one.messages[0] == {"role": "system", "content": "A\n\nBe brief."}


def test_each_turn_begins_with_the_prefix_and_lengths_count_it() -> None:
    renderer = renderer_of(TOKENIZER, config())
    named = [*in_modes([prompt()], config(), seed=0, mode="turbo"), prompt()]
    assert token_counts(renderer, named) == [len(started(renderer, one)) for one in named]
    said = np.array([*TOKENIZER.encode("b</think>6"), TOKENIZER.eos_token_id], np.int32)
    again = {"role": "user", "content": "No."}
    turn = {"role": "assistant", "content": "b</think>6"}
    more = renderer.of("turbo").follow(said, turn, [again])
    assert more is not None
    assert TOKENIZER.decode(more).endswith("assistant\n/turbo <think>")
    with pytest.raises(ConfigError, match="mode 'fast'"):
        renderer.of("fast")


def test_an_argument_that_no_template_reads_is_named_with_its_mode() -> None:
    wrong = config(modes={"a": {"template_arguments": {"thinks": True}}})
    with pytest.raises(ConfigError, match=r"modes\.a\.template_arguments: .* reads no 'thinks'"):
        renderer_of(TOKENIZER, wrong)


async def test_two_modes_in_one_run_are_graded_and_told_apart() -> None:
    """Scripted: the policy thinks in one mode, and in the other where it should not."""
    settings = config(reward={"terms": {"reasoning": {"factor": 0.5}}})
    grading = rubric(settings.reward)
    (term,) = grading.terms
    check = term.use.load()

    async def grade(sample: Sample) -> Verdict:
        right = sample.response.endswith(str(sample.reference))
        main = Verdict.correct() if right else Verdict.incorrect()
        return grading.combine(sample, [main, check.judge(sample)])

    def spoken(*texts: str) -> list[Turn]:
        return [Turn([*TOKENIZER.encode(t), TOKENIZER.eos_token_id], t) for t in texts]

    policy = Scripted(spoken("b c</think>7", "a b c d e f</think>7", "7", "<think>b</think>7"))
    renderer = renderer_of(TOKENIZER, settings)
    runner = GroupRunner(renderer, policy, grade, SingleTurn, settings, backoff=0.0)
    tally = StepTally()
    groups = []
    for i, name in enumerate(("think", "direct")):
        (one,) = in_modes([prompt(name)], settings, seed=0, mode=name)
        groups.append(await runner.run(i, one, version=0))
        tally.add(groups[-1], "accepted")
    rewards = [[verdict.reward for verdict in group.verdicts] for group in groups]
    assert rewards == [[1.0, 0.5], [1.0, 0.5]]
    found = tally.row()["modes"]
    assert sorted(found) == ["direct", "think"]
    assert found["think"]["accuracy"] == found["direct"]["accuracy"] == 1.0
    assert found["think"]["verdicts"]["reasoning"] == 0.5
    lengths = [sum(e.sampled for e in group.episodes) / 2 for group in groups]
    assert [found[name]["response_tokens_mean"] for name in ("think", "direct")] == lengths
    thought = [len(TOKENIZER.encode(text)) for text in ("b c", "a b c d e f")]
    assert found["think"]["verdicts"]["reasoning.tokens"] == sum(thought) / 2
    numbers = summary(groups, 2)
    assert numbers["accuracy_by_mode"] == {"think": 1.0, "direct": 1.0}
    assert numbers["response_tokens_by_mode"] == dict(
        zip(("think", "direct"), lengths, strict=True)
    )


def test_a_run_without_modes_has_none_in_its_numbers() -> None:
    assert StepTally().row()["modes"] == {}


def test_a_report_shows_modes_apart() -> None:
    verdicts = {"reasoning": 0.5, "reasoning.language": 0.9, "reasoning.tokens": 30.0}
    one = {"accuracy": 0.5, "reward_mean": 0.4, "response_tokens_mean": 9.0, "verdicts": verdicts}
    rows = [
        {
            "step": step,
            "modes": {"it": one, "turbo.v1": one},
            "eval_accuracy_by_mode": {"it": 0.4, "turbo.v1": 0.1},
        }
        for step in (1, 2)
    ]
    panels, _ = panels_of(History(rows, []))
    titles = {panel["title"] for panel in panels}
    assert {
        "Accuracy by mode", "Reward by mode", "Length by mode", "In their mode",
        "Language of thinking", "Tokens of thinking",
    } <= titles  # fmt: skip
