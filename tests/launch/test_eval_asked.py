"""`plumb eval`: what is asked is what was said, and goes on only where nothing else is asked."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import openai
import pytest
from huggingface_hub import constants
from pyarrow import parquet

from launch.evaluate.compare import notes, read_result
from launch.evaluate.identity import graded_by
from launch.evaluate.options import Options, SamplingOptions
from launch.evaluate.presets import preset_of
from launch.evaluate.reward_model import RewardModel
from launch.evaluate.rewarding import reward_of
from launch.evaluate.sampling import samples_of, settings_of
from launch.evaluate.thinking import wished, with_thinking
from launch.verify.uses import TaskOptions
from rewards import InfrastructureError
from rl.config import EvaluationConfig, RewardConfig, RunConfig
from rl.errors import ConfigError, PlumbError
from tests.fake_judge import fake_judge
from tests.launch.eval_world import ROWS, Body, evaluated, quick, tenths, write_set

MODES = """
rollout: {template_arguments: {enable_thinking: false, style: plain}, stop: [END]}
modes:
  long: {share: 1, template_arguments: {enable_thinking: true}}
  short: {share: 0, template: "{prompt} /short"}
"""


def right(body: Body) -> str:
    """What `quick` takes."""
    return r"\boxed{42}"


def test_another_model_under_the_same_address_is_another_evaluation(tmp_path: Path) -> None:
    options: dict[str, Any] = {"sets": [write_set(tmp_path, "gsm8k")], "out": tmp_path / "out"}
    options["verifier"] = quick(tmp_path)
    with fake_judge(right) as model:
        _, found = evaluated(target=model.url, **options)
        assert found["model"] == "tiny"
        model.models = {"other": ""}
        with pytest.raises(Exception, match=r'model is {"name": "tiny"}, and here .*"other"'):
            evaluated(target=model.url, **options)
        model.models = {"other": "", "tiny": ""}
        with pytest.raises(Exception, match="name one of its models by --served-model"):
            evaluated(target=model.url, **options)
        with pytest.raises(PlumbError, match="--max-prompt-tokens is for models"):
            evaluated(target=model.url, max_prompt_tokens=9, **options)


@pytest.mark.parametrize(
    ("mode", "thinking", "seen"),
    [
        (None, None, {"enable_thinking": True, "style": "plain"}),
        ("short", None, {"enable_thinking": False, "style": "plain"}),
        ("short", True, {"enable_thinking": True, "style": "plain"}),
    ],
)
def test_an_endpoint_is_asked_as_the_settings_say(
    mode: str | None, thinking: bool | None, seen: dict[str, Any], tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(MODES)
    with fake_judge(right) as model:
        evaluated(
            target=model.url,
            sets=[write_set(tmp_path, "mine", [{"prompt": "6 x 7?", "answer": "42"}])],
            out=tmp_path / "out",
            verifier=quick(tmp_path),
            config=config,
            mode=mode,
            thinking=thinking,
        )
    body = model.bodies[-1]
    assert (body["chat_template_kwargs"], body["stop"]) == (seen, ["END"])
    assert body["messages"][-1]["content"].endswith("/short") == (mode == "short")


@pytest.mark.parametrize("own", [{}, {"enable_thinking": True}, {"enable_thinking": False}])
@pytest.mark.parametrize("given", [None, True, False])
def test_a_flag_stands_over_the_settings(
    own: dict[str, bool], given: bool | None, tmp_path: Path
) -> None:
    template = tmp_path / "template.jinja"
    template.write_text("{% if enable_thinking %}<think>{% endif %}")
    rollout = {"template_arguments": own, "template_file": str(template)}
    config = RunConfig.model_validate({"rollout": rollout})
    found = with_thinking(config, wished(given, config), lambda line: None)
    wanted = own if given is None else {"enable_thinking": given}
    assert found.rollout.template_arguments == wanted


def test_what_a_preset_does_not_say_is_left_at_what_changes_nothing() -> None:
    own = EvaluationConfig(samples=4, temperature=1.0, top_p=0.5, top_k=7, min_p=0.1)
    base = RunConfig(evaluation={"mine": own})
    preset = preset_of("enggpt2-best", "gemma-2-9b-it", None)
    given = Options("model", sampling=SamplingOptions(min_p=0.2))
    found = settings_of("mine", None, preset, given, base)
    assert (found.temperature, found.top_p, found.top_k, found.min_p) == (1.0, 1.0, 0, 0.2)
    assert found.samples == 4


def test_two_numbers_of_answers_for_all_sets_are_refused() -> None:
    assert samples_of(["a=2", "8"], ["a", "b"]) == {"a": 2, "b": 8}
    with pytest.raises(ConfigError, match="-k 4 and -k 8: give one"):
        samples_of(["4", "8"], ["a"])


def test_workers_may_change_between_two_starts() -> None:
    def graded(workers: int, trust: str) -> Any:
        reward = reward_of(
            ["code"], RewardConfig(), is_run=False, verifier=None, judged_besides=False,
            options=TaskOptions(sandbox="bubblewrap", trust=trust), workers=workers,
        )  # fmt: skip
        work: Any = SimpleNamespace(config=SimpleNamespace(reward=reward))
        return graded_by(work)

    assert graded(1, "outside") == graded(4, "outside") != graded(1, "checker")


def test_a_group_s_number_tells_one_prompt_of_the_file(tmp_path: Path) -> None:
    sets = [write_set(tmp_path, name) for name in ("gsm8k", "math500", "aime")]
    with fake_judge(right) as model:
        evaluated(target=model.url, sets=sets, out=tmp_path / "out", verifier=quick(tmp_path))
    rows = parquet.read_table(tmp_path / "out" / "answers.parquet").to_pylist()
    assert [row["group"] for row in rows] == list(range(4))


def test_whatever_differs_beside_the_model_is_said_of_a_comparison(tmp_path: Path) -> None:
    plain, other = tmp_path / "plain.yaml", tmp_path / "other.yaml"
    plain.write_text("{}")
    other.write_text(MODES + "reward: {terms: {reasoning: {weight: 1}}}")
    same = {"sets": [write_set(tmp_path, "gsm8k")], "verifier": quick(tmp_path)}
    with fake_judge(right) as model:
        for name, config in (("A", plain), ("B", other)):
            evaluated(target=model.url, out=tmp_path / name, config=config, **same)
    a, b = read_result(tmp_path / "A"), read_result(tmp_path / "B")
    assert notes(a, a, ["gsm8k"]) == []
    found = notes(a, b, ["gsm8k"])
    assert [line.removeprefix("note: gsm8k: ") for line in found] == [
        "thinking differs: A None, B False",
        "rendering differs: stop: A [], B ['END'], template_arguments: A {}, "
        "B {'enable_thinking': False, 'style': 'plain'}",
        "modes differs: A None, B long, short",
        "the modes that prompts were asked in differ: none / long",
    ]
    # What is added to a reward never changes what is correct.
    results = tmp_path / "B" / "results.json"
    about = json.loads(results.read_text())
    about["reward"]["terms"] = {"format": {"spec": None, "weight": 1.0}}
    results.write_text(json.dumps(about))
    assert notes(a, read_result(tmp_path / "B"), ["gsm8k"]) == found
    about["reward"]["verifier"] = "math"
    results.write_text(json.dumps(about))
    assert notes(a, read_result(tmp_path / "B"), ["gsm8k"])[-1].startswith("note: they were graded")


def test_answers_that_a_reward_model_refuses_have_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a later command asks it for them alone; that it refuses everything is an error."""
    takes: list[str] = ["42"]

    class Client:
        """Takes what holds a word."""

        async def post(self, path: str, body: Body, cast_to: object) -> Any:
            if any(word in body["messages"][-1]["content"] for word in takes):
                return {"data": [{"data": [0.5]}]}
            response = httpx.Response(400, request=httpx.Request("POST", path))
            raise openai.BadRequestError("too long", response=response, body=None)

    async def start(model: RewardModel) -> None:
        model._clients, model._models = [Client()], ["rm"]  # type: ignore[list-item]

    async def aclose(model: RewardModel) -> None:
        model._clients = []

    monkeypatch.setattr(RewardModel, "start", start)
    monkeypatch.setattr(RewardModel, "aclose", aclose)
    rows = [{**ROWS["gsm8k"][0], "question": f"Problem {i}?"} for i in range(10)]
    options: dict[str, Any] = {
        "sets": [write_set(tmp_path, "gsm8k", rows)],
        "out": tmp_path / "out",
        "answers": ["3"],
        "select": "reward=http://rm",
        "verifier": quick(tmp_path),
        "sampling": SamplingOptions(temperature=1.0),
    }
    with fake_judge(tenths(4)) as model:
        for _ in range(2):
            _, found = evaluated(target=model.url, **options)
            assert found["sets"]["gsm8k"]["best_of"] is not None
        takes.clear()
        refuses = "reward model at http://rm: too long"
        with pytest.raises(InfrastructureError, match=refuses):
            evaluated(target=model.url, **options | {"out": tmp_path / "many"})
        few = {"sets": [write_set(tmp_path, "gsm8k", rows[:1])], "out": tmp_path / "few"}
        with pytest.raises(InfrastructureError, match=refuses):
            evaluated(target=model.url, **options | few)


def test_a_model_of_a_hub_that_is_away_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    sets = [write_set(tmp_path, "gsm8k")]
    with pytest.raises(PlumbError, match="owner/model is not on this machine, and http://127"):
        evaluated(target="owner/model", sets=sets, out=tmp_path / "out", verifier=quick(tmp_path))
