"""Laws of the split: nothing is lost, nothing leaks, and order does not matter."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.arithmetic import arithmetic_prompts
from data.errors import SplitError
from data.schema import Prompt
from data.split import hold_out


def asking(*texts: str) -> list[Prompt]:
    return [
        Prompt(id=str(number), messages=({"role": "user", "content": text},))
        for number, text in enumerate(texts)
    ]


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=40), st.data(), st.integers(0, 99)
)
def test_laws(texts: list[str], data: st.DataObject, seed: int) -> None:
    prompts = asking(*texts)
    count = data.draw(st.integers(1, len(prompts) - 1))
    try:
        train, evaluation = hold_out(prompts, count, seed)
    except SplitError:
        assert min(texts.count(text) for text in texts) > count
        return
    assert sorted(train + evaluation, key=lambda prompt: int(prompt.id)) == prompts
    assert 0 < len(evaluation) <= count
    held_texts = {prompt.text_digest() for prompt in evaluation}
    assert held_texts.isdisjoint(prompt.text_digest() for prompt in train)
    if len(set(texts)) == len(texts):
        assert len(evaluation) == count
    shuffled = random.Random(seed).sample(prompts, len(prompts))
    assert {prompt.id for prompt in hold_out(shuffled, count, seed)[1]} == {
        prompt.id for prompt in evaluation
    }


def test_the_seed_decides_and_nothing_else_of_the_prompt() -> None:
    prompts = arithmetic_prompts(200)
    train, evaluation = hold_out(prompts, 50, seed=1)
    assert (len(train), len(evaluation)) == (150, 50)
    assert hold_out(prompts, 50, seed=1) == (train, evaluation)
    assert hold_out(prompts, 50, seed=2) != (train, evaluation)
    assert hold_out(prompts, 0, seed=1) == (prompts, [])


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(SplitError, match=r"3 of 3 prompts: none would be left .*; hold out fewer"):
        hold_out(asking("a", "b", "c"), 3, seed=0)
    with pytest.raises(SplitError, match="every prompt text occurs more than 1 times"):
        hold_out(asking("a", "a"), 1, seed=0)
    with pytest.raises(SplitError, match="cannot hold out -1"):
        hold_out(asking("a", "a"), -1, seed=0)
