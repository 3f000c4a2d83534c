"""What an engine says of its tokens: which special ones stay in the text."""

import pytest

from rl.engines.sampling import Decoder
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
    ids = tokenizer(text)["input_ids"]
    assert Decoder(tokenizer)(ids, keep_special=True) == called
    assert Decoder(tokenizer)(ids, keep_special=False) == told


def test_special_tokens_that_mark_thinking_stay_in_the_text() -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["[THINK]", "[/THINK]"]})
    decode = Decoder(tokenizer)
    marked = tokenizer("[THINK]a[/THINK]b<|end|>")["input_ids"]
    assert decode(marked, keep_special=False) == "[THINK]a[/THINK]b"
    assert decode(tokenizer("a<|user|>b<|end|>")["input_ids"], keep_special=False) == "ab"
