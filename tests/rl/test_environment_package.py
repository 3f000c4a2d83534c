"""An environment that nobody but an installed package's entry point announces."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.config import EnvConfig, RunConfig
from rl.dispatch.admission import admission_of
from rl.episodes.environment import begin_environment, load_environment
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.errors import ConfigError
from rl.learn.shares import cut
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer

TOKENIZER = small_tokenizer(templates.KEEPS)
SOURCE = '''
class Lights:
    """Imports nothing of Plumb."""

    started = 0

    @classmethod
    def start(cls):
        cls.started += 1

    def __init__(self, rooms=1):
        self.lit = [False] * rooms

    def switch(self, room: int) -> str:
        """Switch the light of a room."""
        self.lit[room] = not self.lit[room]
        return "on" if self.lit[room] else "off"

    def reward(self, messages):
        return all(self.lit)
'''
POINTS = """[plumb.environments]
lights = lights_of_a_house:Lights
broken = lights_of_a_house:Nothing
absent = no_such_module_at_all:Lights
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package as pip would lay it down."""
    (tmp_path / "lights_of_a_house.py").write_text(SOURCE)
    about = tmp_path / "lights_of_a_house-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: lights-of-a-house\nVersion: 1.0\n"
    )
    (about / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))


def call(room: int) -> str:
    return f'<tool_call>{{"name": "switch", "arguments": {{"room": {room}}}}}</tool_call>'


def turn(text: str) -> Turn:
    return Turn([*TOKENIZER.encode(text), TOKENIZER.eos_token_id], text)


async def graded(sample: Sample) -> Verdict:
    raise AssertionError("the environment has a reward of its own")


async def test_it_is_found_and_trained_on(installed: None) -> None:
    config = RunConfig.model_validate(
        {
            "env": {"spec": "lights", "options": {"rooms": 2}},
            "sampler": {"samples_per_prompt": 2},
            "rollout": {"max_prompt_tokens": 2000, "max_response_tokens": 500},
            "episode": {"call_format": "hermes"},
        }
    )
    # The two answers take turns: one lights both rooms, the other only the first.
    policy = Scripted([turn(call(0)), turn(call(0)), turn(call(1)), turn("done"), turn("done")])
    async with AsyncExitStack() as stack:
        environment: Any = await begin_environment(stack, config)
        assert environment.kind.started == 1
        runner = GroupRunner(Renderer(TOKENIZER), policy, graded, environment, config)
        prompt = Prompt("p", ({"role": "user", "content": "Light the house."},))
        group = await runner.run(0, prompt, version=0)
    assert sorted(verdict.reward for verdict in group.verdicts) == [0.0, 1.0]
    assert admission_of("correctness").ending(group) == "accepted"
    (share,) = cut([group], ranks=1, mini_batch_size=9, micro_batch_tokens=10_000, seed="")
    assert sorted(share.rewards.tolist()) == [0.0, 1.0]
    trained = share.tokens.ids[share.tokens.mask]
    sampled = np.concatenate([t.ids[t.mask] for e in group.episodes for t in e.trajectories])
    assert sorted(trained.tolist()) == sorted(sampled.tolist())
    assert TOKENIZER.decode(trained).count("<tool_call>") == 3


@pytest.mark.parametrize(
    ("spec", "options", "line"),
    [
        ("light", {}, "there is no environment 'light'; choose one of .*lights"),
        ("broken", {}, "lights_of_a_house:Nothing failed to import: AttributeError"),
        ("absent", {}, "no_such_module_at_all:Lights failed to import: ModuleNotFoundError"),
        (
            "lights", {"floors": 2},
            r"'lights' \(lights_of_a_house:Lights\) cannot be made with floors; it takes rooms",
        ),
    ],
)  # fmt: skip
def test_it_is_named_where_something_is_wrong(
    installed: None, spec: str, options: dict[str, Any], line: str
) -> None:
    with pytest.raises(ConfigError, match=f"env: {line}"):
        load_environment(EnvConfig(spec=spec, options=options))
