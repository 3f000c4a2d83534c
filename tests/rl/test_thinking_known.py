"""Training knows from the prompt's tokens whether the chat template opened the thinking."""

from types import SimpleNamespace
from typing import Any

import pytest

from data.schema import Prompt
from rewards import GradingPool, Outcome, Rubric, Use
from rewards.thinking import Opened
from rl.config import RunConfig
from rl.hardware import Hardware
from rl.old_groups import Completion, Generation, Group
from rl.rollout import RolloutEngine, Sampling, decode
from rl.tiny import CHAT_TEMPLATE, make_tokenizer
from rl.trainer import Trainer

TAIL = "{%- if add_generation_prompt %}{{ 'TAIL' }}{%- endif %}"


class SaysOnce:
    """An engine that always says the same."""

    def __init__(self, token_ids: list[int]) -> None:
        self.token_ids = token_ids

    async def sample(self, request_id: str, prompt_ids: list[int], parameters: Any) -> Any:
        logprobs = SimpleNamespace(logprobs=[-1.0] * len(self.token_ids))
        answer = SimpleNamespace(token_ids=self.token_ids, logprobs=logprobs, finish_reason="stop")
        return SimpleNamespace(outputs=[answer])


async def generated(tail: str, response: str) -> Generation:
    engine = RolloutEngine(RunConfig(), Hardware.__new__(Hardware))
    engine._tokenizer = tokenizer = make_tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE + TAIL.replace("TAIL", tail)
    engine._engine = SaysOnce(tokenizer(response)["input_ids"])  # type: ignore[assignment]
    messages = [{"role": "user", "content": "What is <think>?"}]
    return await engine.generate(messages, (), Sampling(1, 1.0))


@pytest.mark.parametrize(
    ("tail", "opened"),
    [
        ("<think>\\n", "open"),
        ("", "none"),
        ("<think>\\n\\n</think>\\n\\n", "none"),
        ("[THINK]", "open"),
    ],
)
async def test_the_prompts_tokens_say_it(tail: str, opened: Opened) -> None:
    generation = await generated(tail, "4")
    assert generation.thinking == opened
    group = Group(0, Prompt("p", ({"role": "user", "content": "?"},)), generation, [])
    assert Group.from_state(group.to_state()) == group


async def test_grading_gets_it() -> None:
    prompt = Prompt("p", ({"role": "user", "content": "?"},), "4")
    said = "\\boxed{3}</think> \\boxed{4}"
    async with GradingPool(Rubric(Use("format", {"style": "think"})), workers=1) as pool:
        parts: Any = SimpleNamespace(
            pool=pool, source=None, fleet=SimpleNamespace(generate=None), records=None
        )
        trainer = Trainer(RunConfig(), parts, on_step=lambda row: None)
        found = {
            opened: (
                await trainer._grade(
                    prompt, Generation([1], [Completion([1], [-1.0], said, "stop")], 0, opened)
                )
            )[0].outcome
            for opened in ("open", "none")
        }
    assert found == {"open": Outcome.CORRECT, "none": Outcome.INCORRECT}


def test_special_tokens_that_mark_thinking_stay_in_the_text() -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["[THINK]", "[/THINK]"]})
    token_ids = tokenizer("[THINK]a[/THINK]b<|end|>")["input_ids"]
    assert decode(tokenizer, token_ids, may_call_tools=False) == "[THINK]a[/THINK]b"
    token_ids = tokenizer("a<|user|>b<|end|>")["input_ids"]
    assert decode(tokenizer, token_ids, may_call_tools=False) == "ab"
