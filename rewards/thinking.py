"""Parting what a model wrote into thinking and answer; every verifier parts by this.

Guarantees: a thinking part stands at the start and nowhere else. It was opened by the prompt's
template or by the response itself, and its first closing mark ends it. So marks in what follows (a
string, the argument of a call, a program, a sentence) are text and destroy nothing. Thinking that
never closed leaves no answer. Time is linear in the text.

A closing mark between two quotation marks, as in "strip `</think>`", is a mention and closes
nothing; where a quotation ends before it, it is none, even if the answer begins with another.
Blocks that follow one another without text between them are one thinking part.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from unicodedata import category

from rewards.mentions import is_in_data, unmentioned

Opened = Literal["open", "none"]
"""Whether the prompt's template has opened the thinking part, so that a response begins in it."""

_TAGS: Final = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<Thought>", "</Thought>"),  # Marco-o1
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<mm:think>", "</mm:think>"),  # MiniMax M3
    ("<longcat_think>", "</longcat_think>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    ("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),  # Kimi K3
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<unused94>thought", "<unused95>"),  # MedGemma
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),  # Kimi 1.5
)
_SUFFIXED: Final = r"think:\w{1,32}"  # Hunyuan, whose checkpoints have suffixes of their own


def _pattern(words: Iterable[str], more: str) -> re.Pattern[str]:
    """An expression for any of `words`, or `<` and `more`.

    It begins with the characters that they begin with, for which `re` looks many times faster than
    for the words.
    """
    tails: dict[str, list[str]] = {"<": [more]}
    for word in words:
        tails.setdefault(word[0], []).append(re.escape(word[1:]))
    firsts = "".join(map(re.escape, tails))
    each = (f"(?<={re.escape(first)})(?:{'|'.join(rest)})" for first, rest in tails.items())
    return re.compile(f"[{firsts}](?:{'|'.join(each)})")


_OPENING: Final = _pattern((mark for mark, _ in _TAGS), f"{_SUFFIXED}>")
_CLOSING: Final = _pattern((mark for _, mark in _TAGS), f"/{_SUFFIXED}>")
_CLOSING_OF: Final = dict(_TAGS)
_SPACE: Final = re.compile(r"[\s\ufeff\u200b]*+")

MARKS: Final = frozenset(
    {mark for pair in _TAGS for mark in pair}
    | {"<|channel|>", "<|channel>", "<|open|>", "<|close|>", "<unused94>", "<unused95>"}
)
"""Marks that a model may have as special tokens, which its text has to keep."""
_TURN: Final = re.compile(r"<[|\uff5c]|\[/INST\]|<(?:start|end)_of_turn>|</s>")
PROMPT_END: Final = 256  # characters at a prompt's end in which marks are looked for

_SPOKEN: Final = re.compile(r"Here(?:'s| is) my thought process:")  # Granite 3.2
_SPOKEN_END: Final = re.compile(r"Here(?:'s| is) my response:")

_ANALYSIS: Final = "<|channel|>analysis<|message|>"
_NEXT_MESSAGE: Final = "<|end|><|start|>"
_MESSAGE: Final = re.compile(
    r"\s*+(?P<head>(?:<\|start\|>[^<]{0,256})?<\|channel\|>\s{0,8}(?P<channel>[a-z]+)[^<]{0,256}"
    r"(?:<\|constrain\|>[^<]{0,64})?)<\|message\|>"
)
_MESSAGE_END: Final = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|start\|>)")

_CALL: Final = (
    r"(?<=<)(?:function=|invoke\b|\uff5cDSML|[|\uff5c]?[\w:]{0,24}?(?:(?:tool|function)[_\u2581]?call"
    r"|TOOLCALL|action_start|python_(?:tag|start)|tools_prefix|START_(?:ACTION|RESPONSE)|recipient"
    r"|content_invoke))|(?<=\[)TOOL_CALLS\]|(?<=\{)\s*+\"(?:name|tool_calls|function|type)\"\s*+:"
    r"|(?<=\n)(?:[ \t]*+\[[ \t]*+[A-Za-z_][\w.\-]{0,127}\(|[^\n]{0,64}to=functions\."
    r"|>>>\S{1,128}\n)"
)
_CALL_BEGINS: Final = re.compile(rf"[<\[{{\n](?:{_CALL})")
_ANSWER_BEGINS: Final = re.compile(
    rf"[`~\\<\[{{\n](?:(?<=`)``|(?<=~)~~|(?<=\\)(?:boxed|fbox)\b|{_CALL})"
)
"""A fence, a box or a call, in a text with a line end before it."""
_ALONE: Final = re.compile(
    rf"^[ \t]*+(?:{_OPENING.pattern}|{_CLOSING.pattern})[ \t]*+$", re.MULTILINE
)
_FENCED: Final = re.compile(
    r"^[ \t]*+(`{3,}+|~{3,}+).*?(?:^[ \t]*+\1|\Z)", re.DOTALL | re.MULTILINE
)
_QUOTED: Final = re.compile(r"`[^`\n]*+`|\"[^\"\n]*+\"|\u201c[^\u201d\n]*+\u201d")


@dataclass(frozen=True, slots=True)
class Parts:
    """A response in two parts.

    Attributes:
        thinking: The thinking without its marks; None: there is none.
        answer: What follows it.
        blocks: How many blocks the thinking has.
        is_closed: Whether the thinking ended; True where there is none.
    """

    thinking: str | None
    answer: str
    blocks: int = 0
    is_closed: bool = True


def parted(response: str, opened: Opened | None = None) -> Parts:
    """The parts of a response.

    Args:
        response: What the model wrote after the prompt.
        opened: Whether the prompt's template opened the thinking. None: it is not known. It is then
            taken for open if a closing mark has no opening one before it and stands before any
            fence, box or call, and in no text of an object, a list or a call that is closed.
    """
    thoughts: list[str] = []
    at: int | None = 0
    if opened == "open" or (opened is None and _begins_inside(response)):
        thought, at = _until_closed(response)
        thoughts.append(thought)
    while at is not None and (block := _block(response, at)) is not None:
        thought, at = block
        thoughts.append(thought)
    thinking = "\n".join(thoughts) if thoughts else None
    if at is None:
        return Parts(thinking, "", len(thoughts), is_closed=False)
    return Parts(thinking, _final_message(response, at), len(thoughts))


def final_part(response: str, opened: Opened | None = None) -> str:
    """What follows the thinking: nothing, if it never ended. Arguments as of `parted`."""
    return parted(response, opened).answer


def says_something(answer: str) -> bool:
    """Whether an answer says more than a full stop: it has a letter, a number or a picture."""
    return any(category(one)[0] in "LN" or category(one) == "So" for one in answer)


def opened_by(prompt: str) -> Opened | None:
    """Whether a rendered prompt, chat template and all, ends in an open thinking part.

    None: words follow an opening mark; they may begin the thinking, or be part of the question.
    """
    tail = prompt[-PROMPT_END:].rstrip()
    if tail.endswith(_ANALYSIS):
        return "open"
    last = max((match.end() for match in _OPENING.finditer(tail)), default=None)
    if last == len(tail) and tail:
        return "open"
    if last is None or _CLOSING.search(tail, last) or _TURN.search(tail, last):
        return "none"
    return None


def has_closing(text: str) -> bool:
    """Whether a closing mark stands anywhere in `text`, mentions aside."""
    return _closing(text, 0) is not None


def is_one_block(response: str, opened: Opened | None = None) -> bool:
    """Whether a response is one thinking block, with text in it, and an answer.

    A second block is a fault, in the answer too. Marks in code and in quotation
    marks, and one alone in a sentence, are text.
    """
    parts = parted(response, opened)
    if parts.thinking is None or parts.blocks != 1 or not parts.is_closed:
        return False
    if not parts.thinking.strip() or not parts.answer.strip():
        return False
    thought, said = _without_quoted(parts.thinking), _without_quoted(parts.answer)
    if _OPENING.match(thought.lstrip()) or _ALONE.search(said):
        return False
    opening = _OPENING.search(said)
    if opening is not None and _CLOSING.search(said, opening.end()):
        return False
    return not (_OPENING.search(thought) and _CLOSING.search(said))


def thinks_later(parts: Parts) -> bool:
    """Whether thinking stands in the answer, where no verifier takes it for thinking.

    That is a block with words in it, an opening mark on a line of its own, or, where nothing was
    thought before, words that a closing mark ends. Marks in code and in quotation marks are text.
    """
    said = _without_quoted(parts.answer)
    if any(_OPENING.search(alone[0]) for alone in _ALONE.finditer(said)):
        return True
    opening = next(unmentioned(_OPENING, said, 0), None)
    closing = _closing(said, 0 if opening is None else opening[1])
    if closing is None:
        return False
    if opening is not None:
        return says_something(said[opening[1] : closing[0]])
    return not says_something(parts.thinking or "") and says_something(said[: closing[0]])


def _begins_inside(text: str) -> bool:
    closing = _closing(text, 0)
    if closing is None:
        return False
    before = text[: closing[0]]
    if _OPENING.search(before) or _ANSWER_BEGINS.search(f"\n{before}"):
        return False
    return not is_in_data(text, closing[0])


def _until_closed(text: str) -> tuple[str, int | None]:
    """The thinking of a text that begins in it, and where it is over; None: it never is."""
    closing = _closing(text, 0)
    harmony = text.find(_NEXT_MESSAGE)
    if harmony >= 0 and (closing is None or harmony < closing[0]):
        return text[:harmony], harmony + len("<|end|>")
    repeated = _OPENING.match(text, _SPACE.match(text).end())  # type: ignore[union-attr]
    start = 0 if repeated is None else repeated.end()  # some models repeat the template's mark
    if closing is None:
        return text[start:], None
    return text[start : closing[0]], closing[1]


def _block(text: str, at: int) -> tuple[str, int | None] | None:
    """The thinking block that begins at `at`, and where it is over; None: there is none."""
    start = _SPACE.match(text, at).end()  # type: ignore[union-attr]
    if (opening := _OPENING.match(text, start)) is not None:
        mark = opening[0]
        closing = _closing(text, opening.end(), _CLOSING_OF.get(mark, f"</{mark[1:]}"))
        if closing is None:
            return text[opening.end() :], None
        return text[opening.end() : closing[0]], closing[1]
    if (spoken := _SPOKEN.match(text, start)) is not None:
        end = _SPOKEN_END.search(text, spoken.end())
        return None if end is None else (text[spoken.end() : end.start()], end.end())
    message = _MESSAGE.match(text, start)
    if message is None or message["channel"] != "analysis" or "to=" in message["head"]:
        return None
    end = _MESSAGE_END.search(text, message.end())
    if end is None:
        return text[message.end() :], None
    return text[message.end() : end.start()], end.end()


def _final_message(text: str, at: int) -> str:
    """What stands at `at`; of harmony's messages the final one, unless a call comes before it."""
    following = at
    said = None
    while (message := _MESSAGE.match(text, following)) is not None:
        if "to=" in message["head"] or "functions." in message["head"]:
            return text[at:]
        if message["channel"] == "final":
            return text[message.end() :].rstrip().removesuffix("<|return|>").removesuffix("<|end|>")
        end = _MESSAGE_END.search(text, message.end())
        if end is None:
            return text[message.end() :]
        if message["channel"] != "analysis":
            said = text[message.end() : end.start()]
        following = end.end()
    is_broken = "to=" in text[following:] or "<|channel|>" in text[following:]
    return text[at:] if said is None or is_broken else said


def _closing(text: str, start: int, mark: str | None = None) -> tuple[int, int] | None:
    """Where the first closing mark from `start` on stands; `mark`: the one that is looked for."""
    pattern = _CLOSING if mark is None else re.compile(re.escape(mark))
    return next(unmentioned(pattern, text, start), None)


def _without_quoted(text: str) -> str:
    """`text` up to its first call, without code and without what stands in quotation marks."""
    text = f"\n{text}"
    call = _CALL_BEGINS.search(text)
    told = text if call is None else text[: call.start()]
    return _QUOTED.sub(" ", _FENCED.sub("\n", told))
