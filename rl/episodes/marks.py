"""Marks of turns in text that is not the template's: taken apart, so that they are words again.

A tokenizer makes a special token of `<|im_start|>` wherever it stands, and a model reads a turn
there. So a space is put into every mark in what a tool or a user's text says: those that are tokens
of their own, and those that the chat template writes, such as `</tool_response>`. In what the
policy said earlier, where it is rendered again, that is done to special tokens alone: its thinking
and its calls stay as the template shows them.

Guarantee: the ids of a text that went through `observed` hold no such token, whatever the tokenizer
does to text before it looks for them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from rewards.thinking import MARKS
from rl.episodes.template import ChatTemplate
from rl.tokens import Message

_TAGS: Final = re.compile(
    r"<[|\uff5c]?/?[\w\u2581:. -]{1,48}[|\uff5c]?>|\[/?[A-Z][A-Z_]{2,24}\]|<<[A-Z]{2,8}>>"
)
"""Marks as chat templates write them."""
_SIGNS: Final = re.compile(r"[<>\[\]|\uff5c]")
_ROUNDS: Final = 4
_BYTES: Final = 4  # of a character at most, each a token at most
_CHARACTERS: Final = 16  # looked at for each token that may be kept


class Marks:
    """Takes marks apart.

    Args:
        template: Of the model.
    """

    def __init__(self, template: ChatTemplate) -> None:
        self._template = template
        tokens = {
            number: mark
            for number, mark in template.marks.items()
            if mark.strip() and (mark in template.specials or _SIGNS.search(mark))
        }
        tags = {tag for tag in _TAGS.findall(template.source) if " " not in tag}
        self._all = _any_of({*tokens.values(), *tags})
        self._special = _any_of(
            {one for one in tokens.values() if one in template.specials} - MARKS
        )
        self._forbidden = frozenset(tokens)

    def observed(self, message: Message, limit: int | None) -> Message:
        """A message that answers the policy, its marks apart, at most `limit` tokens long."""
        told = {
            key: _apart(value, self._all) if isinstance(value, str) and key != "role" else value
            for key, value in message.items()
        }
        return {**told, "content": self._bounded(told["content"], limit)}

    def said(self, message: Message) -> Message:
        """A turn of the policy, to be rendered again."""
        made: dict[str, Any] = {**message, "content": _apart(message["content"], self._special)}
        if message.get("tool_calls"):
            made["tool_calls"] = self._inner(message["tool_calls"])
        return made

    def _inner(self, value: Any) -> Any:
        if isinstance(value, str):
            return _apart(value, self._special)
        if isinstance(value, Mapping):
            return {self._inner(key): self._inner(one) for key, one in value.items()}
        return [self._inner(one) for one in value] if isinstance(value, list) else value

    def _bounded(self, text: str, limit: int | None) -> str:
        """A text whose marks are apart, cut in its middle to at most `limit` tokens."""
        fits = limit is None or len(text) * _BYTES <= limit
        if fits and not self._template.normalises:
            return text
        if limit is not None and len(text) > 2 * _CHARACTERS * limit:
            kept, left_out = _CHARACTERS * limit, len(text) - 2 * _CHARACTERS * limit
            text = text[:kept] + text[-kept:]
        else:
            kept, left_out = len(text) // 2, 0
        text, tokens = self._without_tokens(text)
        if limit is None or (tokens <= limit and not left_out):
            return text
        first, last, whole = text[:kept], text[kept:], left_out
        share = min(1.0, limit / max(1, tokens))
        while True:
            ahead, behind = int(len(first) * share), int(len(last) * share)
            out = whole + len(first) - ahead + len(last) - behind
            cut = f"{first[:ahead]}\n[... {out:,} characters are left out here ...]\n"
            cut, tokens = self._without_tokens(cut + last[len(last) - behind :])
            if tokens <= limit or not share:
                return cut
            share = share * min(0.95, limit / tokens) if share > 0.001 else 0.0

    def _without_tokens(self, text: str) -> tuple[str, int]:
        """A text of which no token is a mark, and its number of tokens."""
        for _ in range(_ROUNDS):
            ids = self._template.encode_more(text)
            if self._forbidden.isdisjoint(ids.tolist()):
                return text, len(ids)
            kept = [number for number in ids.tolist() if number not in self._forbidden]
            text = _apart(self._template.decode(np.array(kept, np.int32)), self._all)
        return "", 0


def _any_of(marks: Iterable[str]) -> re.Pattern[str]:
    """An expression for any of some texts, the longest first; without one, for nothing."""
    words = "|".join(map(re.escape, sorted(marks, key=len, reverse=True)))
    return re.compile(words or r"(?!)")


def _apart(text: str, marks: re.Pattern[str]) -> str:
    for _ in range(_ROUNDS):
        parted = marks.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
        if parted == text:
            break
        text = parted
    return text
