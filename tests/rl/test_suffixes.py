"""What is remembered of a template's suffixes changes none of them."""

import itertools
from typing import Any

import pytest

from rl.episodes.suffix import Suffixes, suffix
from rl.episodes.template import ChatTemplate, RefusedError, calling
from rl.tokens import Message
from tests.rl import templates
from tests.rl.scripted import MARKS, small_tokenizer

TEMPLATES = {
    name: text
    for name, text in vars(templates).items()
    if name.isupper() and name[0] != "_" and isinstance(text, str)
}
TOOLS = ({"type": "function", "function": {"name": "f", "parameters": {}}},)
SAID = ("7", "", "x\n\ny", "Zq0stand0inZq", '{"a": [1]}', "</think> so", *MARKS[:3])


def results(turn: Message, texts: Any) -> list[Message]:
    return [
        {"role": "tool", "content": text, "name": "f", "tool_call_id": call["id"]}
        for call, text in zip(turn["tool_calls"], texts, strict=False)
    ]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_suffix_is_the_template_s_own_however_often_it_was_asked(name: str) -> None:
    template = ChatTemplate(small_tokenizer(TEMPLATES[name]), {}, None)
    suffixes = Suffixes(template)
    texts = itertools.cycle(SAID)
    for tools, values in itertools.product((TOOLS, ()), ((["1"], ["2", "3"]) * 5)):
        turn = calling("", values)
        for new in (
            results(turn, [next(texts), next(texts)]),
            [{"role": "user", "content": next(texts)}],
        ):
            assert asked(suffixes, turn, new, tools) == asked(
                lambda *given: suffix(template, *given), turn, new, tools
            )


def asked(how: Any, *given: Any) -> str:
    try:
        return str(how(*given))
    except RefusedError:
        return "refused"
