"""What a chat template writes after a turn of the policy: the turn's end, what answers it, and the
opening of the next turn.

Guarantee: the text is the template's own. It is taken from the template applied to a conversation
of a question, a stand-in for the policy's turn, and the answers: it begins where the stand-in's
turn ends. The stand-in has the calls of the real turn, as templates repeat their names and ids. So
nothing that the policy wrote is looked through, and none of it can be taken for the end of a turn.
"""

from collections.abc import Iterator, Sequence

from rl.episodes.template import ASKED, ChatTemplate, RefusedError, Tools
from rl.tokens import Message


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
    refusal: RefusedError | None = None
    for stand_in in _stand_ins(call, mark):
        try:
            found = _after(template, stand_in, new, tools, mark)
        except RefusedError as error:
            refusal = refusal or error
            continue
        if found is not None:
            return found
    raise refusal or RefusedError("the model's chat template rewrites the end of an earlier turn")


def _after(
    template: ChatTemplate, stand_in: Message, new: Sequence[Message], tools: Tools, mark: str
) -> str | None:
    whole = template.text([ASKED, stand_in, *new], tools).partition(mark)[2]
    if not stand_in.get("tool_calls"):
        return whole or None
    alone = template.text([ASKED, stand_in], tools, asks=False).partition(mark)[2]
    end = max((alone.rfind(special) for special in template.specials), default=-1)
    if end < 0:  # turns are parted by what opens the next one
        end = len(alone)
    if not whole or not whole.startswith(alone[:end]):
        return None
    return whole[end:]


def _stand_ins(call: Message, mark: str) -> Iterator[Message]:
    """Turns like `call`, with the mark as late in them as a template may write one."""
    calls = [
        {**one, "function": {**one["function"], "arguments": {"x": "1"}}}
        for one in call.get("tool_calls") or ()
    ]
    if calls:
        calls[-1]["function"]["arguments"] = {"x": mark}
        yield {"role": "assistant", "content": "", "tool_calls": calls}
    yield {"role": "assistant", "content": mark}


def _unused_mark(new: Sequence[Message]) -> str:
    said = repr(new)
    number = 0
    while (mark := f"Zq{number}stand{number}inZq") in said:
        number += 1
    return mark
