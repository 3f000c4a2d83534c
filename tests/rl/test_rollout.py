"""The text of an answer: special tokens are part of it only where tools may be called."""

import pytest

from rl.rollout import decode
from rl.tiny import make_tokenizer


@pytest.mark.parametrize(
    ("text", "called", "told"),
    [
        ("<|system|>ab<|user|>c<|end|>", "<|system|>ab<|user|>c", "abc"),
        ("ab<|end|><|pad|><|pad|>", "ab", "ab"),
        ("<|end|>", "", ""),
        ("", "", ""),
    ],
)
def test_special_tokens_stay_where_tools_may_be_called(text: str, called: str, told: str) -> None:
    tokenizer = make_tokenizer()
    token_ids = tokenizer(text)["input_ids"]
    assert decode(tokenizer, token_ids, may_call_tools=True) == called
    assert decode(tokenizer, token_ids, may_call_tools=False) == told
