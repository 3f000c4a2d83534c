"""Models on engines of our own, with a scripted engine: what is asked, and how answers are read."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.asking import Answer, Model, Request, ask_models
from data.asking.asked import Asked
from launch.datasets.engine_models import Cluster, EngineModel, engine_models
from rewards.judge.errors import RefusedError
from rl.answering import Answering
from rl.config import RunConfig
from rl.errors import ConfigError, ModelError
from rl.hardware import Hardware
from rl.tokens import Sampled, Sampling, Segment, Span

CALL = '<tool_call>{"name": "math.add", "arguments": {"a": 1}}</tool_call>'
TOOLS = ({"type": "function", "function": {"name": "math.add", "parameters": {}}},)
CPU = Hardware("cpu", 2)


class Engine:
    """Renderer and fleet in one: the prompt's length in tokens, and a scripted answer."""

    def __init__(self, text: str = "4", stop: str = "stop") -> None:
        self.asked: list[Sampling] = []
        self.open = self.most = 0
        self._text, self._stop = text, stop

    def start(self, messages: Any, tools: Any = ()) -> Any:
        return np.zeros(sum(len(m["content"]) for m in messages), np.int32)

    def opened(self, ids: Any) -> None:
        return None

    async def sample(self, context: Any, how: Sampling, *, session: str) -> Sampled:
        self.asked.append(how)
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0)
        self.open -= 1
        ids = np.zeros(3, np.int32)
        segment = Segment(ids, np.zeros(3, np.float32), (Span(3, 0),))
        return Sampled(segment, text=self._text, stop=self._stop)  # type: ignore[arg-type]


class Connected(Cluster):
    """Counts instead of connecting."""

    def __init__(self) -> None:
        super().__init__(RunConfig())
        self.users = self.entered = 0

    def enter(self) -> Hardware:
        self.users += 1
        self.entered += 1
        return CPU

    def leave(self) -> None:
        self.users -= 1


def model_on(engine: Engine, cluster: Cluster, folder: Path) -> EngineModel:
    @asynccontextmanager
    async def start(config: RunConfig, hardware: Hardware) -> AsyncIterator[Answering]:
        yield Answering(engine, engine, None, 8)  # type: ignore[arg-type]

    config = RunConfig.model_validate(
        {
            "model": {"path": str(folder)},
            "rollout": {"max_prompt_tokens": 20, "max_response_tokens": 50, "temperature": 0.7},
        }
    )
    return EngineModel(config, cluster, concurrency=4, start=start)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run" / "model"
    made.mkdir(parents=True)
    (made / "config.json").write_text(json.dumps({"max_position_embeddings": 100}))
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


async def test_questions_are_sampled_and_their_calls_read(folder: Path) -> None:
    engine, cluster = Engine(CALL), Connected()
    model = model_on(engine, cluster, folder)
    assert isinstance(model, Model)
    assert model.name == "run/model"
    assert cluster.entered == 0
    found = await model.answer(say("add"), tools=TOOLS, n=3)
    assert found == [Answer("", ({"name": "math.add", "arguments": {"a": 1}},), tokens=3)] * 3
    seeds = [how.seed for how in engine.asked]
    assert len(set(seeds)) == 3
    assert all(how.keep_special and how.temperature == 0.7 for how in engine.asked)
    await model.answer(say("add"), tools=TOOLS, n=3)
    assert [how.seed for how in engine.asked[3:]] == seeds
    await model.answer(say("other"), seed=5, n=2, temperature=0.1, max_tokens=999)
    assert [(how.seed, how.temperature, how.max_tokens) for how in engine.asked[6:]] == [
        (5, 0.1, 50),
        (6, 0.1, 50),
    ]
    assert cluster.entered == cluster.users == 1
    await model.aclose()
    await model.aclose()
    assert cluster.users == 0


async def test_what_cannot_be_asked_is_refused_and_a_cut_answer_says_so(folder: Path) -> None:
    cut = model_on(Engine("4", "length"), Connected(), folder)
    (answer,) = await cut.answer(say("short"))
    assert (answer.text, answer.stop_reason, answer.is_whole) == ("4", "length", False)
    with pytest.raises(RefusedError, match="21 tokens, and 20 are allowed") as caught:
        await cut.answer(say("x" * 21))
    assert caught.value.status == 413
    with pytest.raises(RefusedError, match="schema"):
        await cut.answer(say("short"), schema={})
    with pytest.raises(RefusedError, match="frequency_penalty"):
        await cut.answer(say("short"), frequency_penalty=1)


async def test_answers_are_kept_and_those_of_other_weights_are_told_apart(
    folder: Path, tmp_path: Path
) -> None:
    engine = Engine()
    model = model_on(engine, Connected(), folder)
    requests = [Request(f"{i}", say(f"q {i}" if i != 3 else "x" * 30)) for i in range(20)]
    asked = Asked.of(model, tmp_path / "answers")
    with asked.store() as store:
        await ask_models([(store, model, requests)])
        assert len(store) == 20
    assert asked.answers("0")[0].text == "4"
    assert asked.answers("3")[0].stop_reason == "refused"
    assert len(engine.asked) == 19
    assert 1 < engine.most <= 4
    (folder / "model.safetensors").write_bytes(b"weighty")
    other = model_on(engine, Connected(), folder)
    assert other.sampling != model.sampling


def test_models_of_a_command_share_a_cluster_and_fit_their_context(folder: Path) -> None:
    one, two = engine_models([str(folder), str(folder)], max_tokens=40)
    assert one._cluster is two._cluster
    assert one.sampling["max_tokens"] == 40
    assert one._config.rollout.max_prompt_tokens == 60
    with pytest.raises(ConfigError, match="lower --max-tokens"):
        engine_models([str(folder)], max_tokens=100)
    with pytest.raises(ModelError, match="does not exist"):
        engine_models([str(folder / "none" / "such")])
    assert engine_models([]) == []
