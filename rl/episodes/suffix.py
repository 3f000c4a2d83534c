"""What a chat template writes after a turn of the policy: the turn's end, what answers it, and the
opening of the next turn.

Guarantee: the text is the template's own. It is taken from the template applied to a conversation
of a question, a stand-in for the policy's turn, and the answers: it begins where the stand-in's
turn ends. The stand-in has the calls of the real turn, as templates repeat their names and ids. So
nothing that the policy wrote is looked through, and none of it can be taken for the end of a turn.
"""

from collections.abc import Sequence
from typing import Any, Final

from rl.episodes.template import ASKED, ChatTemplate, RefusedError, Tools
from rl.tokens import Message

_KNOWN: Final = 4096  # shapes of turns that are remembered
_CALL: Final = frozenset({"id", "type", "function"})
_FUNCTION: Final = frozenset({"name", "arguments"})


class Suffixes:
    """What a template writes after turns; remembers what does not depend on what is said.

    Args:
        template: What writes it.
    """

    def __init__(self, template: ChatTemplate) -> None:
        self._template = template
        self._alone: dict[Any, tuple[Tools, str]] = {}
        self._plain: dict[Any, Tools] = {}

    def __call__(self, call: Message, new: Sequence[Message], tools: Tools = ()) -> str:
        """The text from the turn end of `call` on; see `suffix`."""
        called = _shape(call)
        if called is None or (mark := _unused_mark(new)) != _unused_mark(()):
            return suffix(self._template, call, new, tools)
        answered = tuple((one["role"], one.get("name"), one.get("tool_call_id")) for one in new)
        key = called, answered, id(tools)
        if self._plain.get(key) is not tools:
            found = suffix(self._template, call, new, tools)
            if found == self._called(call, called, new, tools, mark):
                _remember(self._plain, key, tools)
            return found
        return self._called(call, called, new, tools, mark) or suffix(
            self._template, call, new, tools
        )

    def _called(
        self, call: Message, called: Any, new: Sequence[Message], tools: Tools, mark: str
    ) -> str | None:
        """What follows a turn with these calls, by the template's rendering of them alone."""
        key = called, id(tools)
        known = self._alone.get(key)
        stand_in = _stand_in(call, mark)
        try:
            if known is None or known[0] is not tools:
                known = tools, _alone(self._template, stand_in, tools, mark)
                _remember(self._alone, key, known)
            whole = _after(self._template, stand_in, new, tools, mark)
        except RefusedError:
            return None
        return _from_end(self._template, whole, known[1])


def suffix(template: ChatTemplate, call: Message, new: Sequence[Message], tools: Tools = ()) -> str:
    """The text from the turn end of `call` on.

    Args:
        template: What writes it.
        call: The policy's turn.
        new: All that answers it.
        tools: Declarations of the tools on offer.

    Raises:
        RefusedError: The template refuses it, or rewrites the end of a turn that is followed.
    """
    mark = _unused_mark(new)
    plain, refusal = None, None
    try:
        plain = _after(template, {"role": "assistant", "content": mark}, new, tools, mark)
    except RefusedError as error:  # some templates want results to follow calls
        refusal = error
    found = (
        _after_calls(template, call, new, tools, mark, plain) if call.get("tool_calls") else None
    )
    if found or plain:
        return found or plain or ""
    raise refusal or RefusedError("the model's chat template rewrites the end of an earlier turn")


def _after_calls(
    template: ChatTemplate,
    call: Message,
    new: Sequence[Message],
    tools: Tools,
    mark: str,
    plain: str | None,
) -> str | None:
    """What follows a turn with the calls of `call`; None: it cannot be told.

    Args:
        plain: What follows a turn without calls. Where it follows this one too, it is that.
    """
    stand_in = _stand_in(call, mark)
    try:
        whole = _after(template, stand_in, new, tools, mark)
        alone = _alone(template, stand_in, tools, mark)
    except RefusedError:
        return None
    if plain and whole.endswith(plain):
        return plain
    return _from_end(template, whole, alone)


def _alone(template: ChatTemplate, stand_in: Message, tools: Tools, mark: str) -> str:
    """What stands behind the mark of a turn that nothing answers."""
    return template.text([ASKED, stand_in], tools, asks=False).partition(mark)[2]


def _from_end(template: ChatTemplate, whole: str, alone: str) -> str | None:
    """What follows a turn, from its end on; None: it cannot be told."""
    end = max((alone.rfind(special) for special in template.specials), default=-1)
    if end < 0:  # turns are parted by what opens the next one
        end = len(alone)
    return whole[end:] if whole.startswith(alone[:end]) else None


def _after(
    template: ChatTemplate, stand_in: Message, new: Sequence[Message], tools: Tools, mark: str
) -> str:
    return template.text([ASKED, stand_in, *new], tools).partition(mark)[2]


def _stand_in(call: Message, mark: str) -> Message:
    """A turn with the calls of `call`, and with the mark as late in it as a template writes one."""
    calls = [
        {**one, "function": {**one["function"], "arguments": {"x": "1"}}}
        for one in call["tool_calls"]
    ]
    calls[-1]["function"]["arguments"] = {"x": mark}
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _shape(call: Message) -> Any:
    """All of a turn's calls that a template may show of their stand-in; None: more than is known,
    or no calls.
    """
    calls = call.get("tool_calls") or ()
    if any(one.keys() - _CALL or one["function"].keys() - _FUNCTION for one in calls):
        return None
    return tuple((one.get("id"), one["function"]["name"]) for one in calls) or None


def _remember(known: dict[Any, Any], key: Any, value: Any) -> None:
    if len(known) >= _KNOWN:
        known.clear()
    known[key] = value


def _unused_mark(new: Sequence[Message]) -> str:
    said = repr(new)
    number = 0
    while (mark := f"Zq{number}stand{number}inZq") in said:
        number += 1
    return mark
