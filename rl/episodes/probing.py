"""Whether a chat template leaves a turn of the policy as it was once something follows it.

A template may rewrite earlier turns: Qwen3 leaves out the thoughts of all before the last question.
Then what the policy sampled cannot stay in its context if that is to be what the template writes,
which a served model will see. The probe renders conversations of two rounds, with thoughts in each
way that templates know, and compares: each has to be the one before it, the policy's turn, and the
suffix.

Guarantee: a role is said to follow only if that holds for every kind of turn that the template
shows, in text and, encoded part by part, in tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from rewards.thinking import has_closing, opened_by
from rl.episodes.suffix import suffix
from rl.episodes.template import ASKED, CALL_ID, ChatTemplate, RefusedError, Tools, calling
from rl.tokens import Message

_MARK: Final = 24  # characters, of the longest mark that closes a thinking part
_DECLARED: Final = {
    "type": "function",
    "function": {
        "name": "f",
        "description": "A function.",
        "parameters": {"type": "object", "properties": {"x": {"type": "string"}}},
    },
}


@dataclass(frozen=True, slots=True)
class Probe:
    """What is known of messages of one role.

    Attributes:
        follows: Whether what precedes them stays as it was.
        beside: Whether it does where the turn before them has words beside its calls, which some
            templates leave out.
        impossible: Why the template cannot show them at all; empty: it can.
    """

    follows: bool
    beside: bool
    impossible: str = ""

    def after(self, turn: Message) -> bool:
        """Whether `turn` stays as it was once they follow it."""
        return self.follows and (self.beside or not (turn.get("tool_calls") and turn["content"]))


class _Kind(NamedTuple):
    """A kind of turn."""

    thinks: bool
    field: str = ""
    """The field that has the thought; empty: it stands in the content, as it was sampled."""
    calls: int = 0
    says: bool = True
    """Whether it has text beside its calls."""

    @property
    def has_content(self) -> bool:
        """Whether its content is not empty."""
        return self.says or (self.thinks and not self.field)

    def words(self, number: int) -> list[str]:
        """What has to be found in it."""
        found = [f"value-{number}-{i}" for i in range(self.calls)]
        return found + [f"thought-{number}"] * self.thinks + [f"said-{number}"] * self.says

    def turn(self, number: int, *, opened: bool) -> Message:
        """One of the kind; the `number` tells the rounds apart."""
        content = f"said-{number}" if self.says else ""
        more = {}
        if self.thinks and self.field:
            more = {self.field: f"thought-{number}"}
        elif self.thinks:
            mark = "" if opened else "<think>\n"
            content = f"{mark}thought-{number}\n</think>\n\n{content}"
        if not self.calls:
            return {"role": "assistant", "content": content, **more}
        return calling(content, [f"value-{number}-{i}" for i in range(self.calls)], **more)


def probe(template: ChatTemplate, role: str, *, with_tools: bool) -> Probe:
    """Try what messages of `role` do to the turns before them."""
    if template.is_none:
        return Probe(False, False)
    tools = (_DECLARED,) if with_tools else ()
    refusals: list[str] = []
    kept: list[bool] = []
    beside: list[bool] = []
    for kind in _kinds(role):
        try:
            found = _is_kept(template, kind, role, tools)
        except RefusedError as error:
            refusals.append(str(error))
            continue
        if found is not None:
            (beside if kind.calls and kind.has_content else kept).append(found)
    if not kept:
        impossible = refusals[0] if refusals else "its chat template shows no turn before them"
        return Probe(False, False, impossible)
    return Probe(all(kept), all(beside))


def _kinds(role: str) -> Iterator[_Kind]:
    for calls in (0, 1, 2) if role == "tool" else (0,):
        for says in (True, False) if calls else (True,):
            yield _Kind(False, "", calls, says)
            for field in ("", "reasoning_content", "thinking"):
                yield _Kind(True, field, calls, says)


def _is_kept(template: ChatTemplate, kind: _Kind, role: str, tools: Tools) -> bool | None:
    """Whether turns of a kind stay as they were; None: the template knows no such turns.

    Raises:
        RefusedError: The template refuses them, or leaves out what follows them.
    """
    text = template.text([ASKED], tools)
    opened = opened_by(text) == "open"
    closed = has_closing(text.rstrip()[-_MARK:])
    if (opened and not kind.thinks) or (closed and kind.thinks):
        return None
    is_shown = _is_shown(template, kind, tools, opened=opened)
    if not is_shown:
        return is_shown
    messages = [ASKED]
    for number in (1, 2):
        turn = kind.turn(number, opened=opened)
        new = [_answer(role, number, i) for i in range(max(1, kind.calls))]
        messages += [turn, *new]
        last = template.text(messages[: -len(new)], tools, asks=False)
        whole = template.text(messages, tools)
        if any(one["content"] not in whole for one in new):
            raise RefusedError(f"the model's chat template leaves out messages of role {role}")
        said = _said_between(template, text, whole, turn, new, tools)
        if said is None or any(word not in said for word in kind.words(number)):
            return False
        if kind.thinks and not last.startswith(text + said):
            return False
        if not kind.calls and said != turn["content"] and not last.startswith(text + said):
            return False
        text = whole
    return True


def _is_shown(template: ChatTemplate, kind: _Kind, tools: Tools, *, opened: bool) -> bool | None:
    """Whether the template shows a turn of a kind that is the last one.

    False: it leaves out a part. None: it does not know the field that has the thought, or shows no
    calls at all.
    """
    if kind.calls and not template.shows_calls:
        return None
    text = template.text([ASKED, kind.turn(1, opened=opened)], tools, asks=False)
    missing = [word for word in kind.words(1) if word not in text]
    if kind.field and missing == ["thought-1"]:
        return None
    return not missing


def _said_between(
    template: ChatTemplate,
    before: str,
    whole: str,
    turn: Message,
    new: Sequence[Message],
    tools: Tools,
) -> str | None:
    """The turn in a `whole` text that is the text `before`, the turn, and the suffix; else None."""
    try:
        tail = suffix(template, turn, new, tools)
    except RefusedError:
        return None
    head = whole.removesuffix(tail)
    if head == whole or not head.startswith(before):
        return None
    joined = np.concatenate([template.encode(head), template.encode_more(tail)])
    if template.decode(joined) != template.decode(template.encode(whole)):
        return None
    return head[len(before) :]


def _answer(role: str, number: int, index: int) -> Message:
    answer: dict[str, Any] = {"role": role, "content": f"answer-{number}-{index}"}
    if role == "tool":
        answer |= {"name": "f", "tool_call_id": CALL_ID}
    return answer
