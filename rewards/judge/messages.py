"""What is sent to a judge: the material in blocks that it cannot leave.

Guarantees: every text that somebody else wrote (conversation, reference, answers) stands between
two lines with a code that is computed from all of these texts and occurs in none of them, so no
text can end its own block; equal material gives equal messages, so that they can be cached.
Markers of chat templates are broken by a backslash, as a server would read them as the end of the
message; a text is cut in its middle beyond a limit, and the prompt says so at a mark that the text
cannot fake.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rewards.judge.rubric import JudgeRubric

CODE_LENGTH: Final = 24  # hexadecimal digits
_CHAT_MARKS = re.compile(
    r"(<)(?=[|\uff5c]|</?SYS>>|/?(?:s|think|bos|eos|pad|unk|end_of_turn|start_of_turn|eot|eop|sop"
    r"|end_of_utterance|image|start_of_image|end_of_image|role|seed:[a-z_]{1,20}"
    r"|system|user|assistant|tool_call|tool_response|tools)>|<<?END |<<?[A-Z]+ [0-9a-f]{8})"
    r"|(\[)(?=e~\[|/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS"
    r"|CALL_ID|THINK|IMG|IMG_BREAK|IMG_END|MODEL_SETTINGS|gMASK|sMASK)\])"
    r"|(\])(?=~b\])",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

ChatMessage = dict[str, str]


@dataclass(frozen=True, slots=True)
class Block:
    """A text between its two lines; as text it is all of that.

    Attributes:
        name: What its lines call it.
        code: The code of its lines.
        text: What stands between them.
        cut: Characters that are left out.
    """

    name: str
    code: str
    text: str
    cut: int

    def __str__(self) -> str:
        return f"<<<{self.name} {self.code}>>>\n{self.text}\n<<<END {self.name} {self.code}>>>"


def grading_messages(
    rubric: JudgeRubric,
    conversation: Sequence[Mapping[str, Any]],
    answer: str,
    reference: object,
    *,
    max_chars: int,
    reminder: bool = False,
) -> list[ChatMessage]:
    """The messages that ask for a grade of `answer`.

    Args:
        rubric: What is asked.
        conversation: The messages that the answer replies to.
        answer: What is graded.
        reference: A right answer, as text or JSON; None or "": there is none.
        max_chars: Characters shown of each text; longer ones lose their middle.
        reminder: Whether to insist on the form, after an answer that could not be read.

    Raises:
        RubricError: The rubric's template fails.
    """
    texts = {"conversation": transcript(conversation), "answer": answer}
    return _messages(rubric, texts, reference, max_chars, reminder)


def pair_messages(
    rubric: JudgeRubric,
    conversation: Sequence[Mapping[str, Any]],
    first: str,
    second: str,
    reference: object,
    *,
    max_chars: int,
    reminder: bool = False,
) -> list[ChatMessage]:
    """The messages that ask which of two answers is better; arguments as in `grading_messages`."""
    texts = {"conversation": transcript(conversation), "first": first, "second": second}
    return _messages(rubric, texts, reference, max_chars, reminder)


def transcript(conversation: Sequence[Mapping[str, Any]]) -> str:
    """A conversation as one text: each message under its role; parts that are no text as JSON."""
    parts = []
    for message in conversation:
        content = message.get("content")
        lines = [content if isinstance(content, str) else _content(content)]
        if message.get("tool_calls"):
            lines.append(f"tool calls: {_json(message['tool_calls'])}")
        parts.append(f"[{message.get('role', 'user')}]\n" + "\n".join(filter(None, lines)))
    return "\n\n".join(parts)


def harmless(text: str) -> str:
    """`text` as any server takes it: whole characters, and no marker that a chat template has."""
    whole = text.encode("utf-8", "replace").decode()
    plain = _CONTROL.sub("\ufffd", whole.replace("\r\n", "\n"))
    return _CHAT_MARKS.sub(lambda found: f"{found[0]}\\", plain)


def shortened(text: str, limit: int, mark: str) -> tuple[str, int]:
    """`text` without its middle, where it is longer than `limit`, and how much is left out."""
    if len(text) <= limit:
        return text, 0
    head = (limit + 1) // 2
    tail = limit - head
    return f"{text[:head]}\n{mark}\n{text[len(text) - tail :]}", len(text) - limit


def _messages(
    rubric: JudgeRubric, texts: dict[str, str], reference: object, max_chars: int, reminder: bool
) -> list[ChatMessage]:
    if reference not in (None, "", [], {}):
        texts["reference"] = reference if isinstance(reference, str) else _json(reference)
    shown = {name: harmless(text) for name, text in texts.items()}
    code = fence_code(list(shown.values()))
    values: dict[str, Any] = {"fence": code, "form": rubric.form(), "reference": None}
    for name, text in shown.items():
        kept, cut = shortened(text, max_chars, f"[cut {code}]")
        values[name] = Block(name.upper(), code, kept, cut)
    messages = [
        {"role": "system", "content": rubric.render("system", values)},
        {"role": "user", "content": rubric.render("user", values)},
    ]
    if reminder:
        messages[1]["content"] += (
            "\n\nAn earlier reply could not be read. Write nothing before or after the object, "
            f"and no line breaks inside: {rubric.form()}"
        )
    return messages


def fence_code(texts: Sequence[str]) -> str:
    """A code that stands in none of `texts`, and is the same whenever they are.

    To hold its own code a text would have to hold part of its own SHA-256.
    """
    seed = hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()
    while any(seed[:CODE_LENGTH] in text for text in texts):
        seed = hashlib.sha256(seed.encode()).hexdigest()
    return seed[:CODE_LENGTH]


def _content(content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, Sequence):
        return "\n".join(
            str(part["text"]) if isinstance(part, Mapping) and "text" in part else _json(part)
            for part in content
        )
    return _json(content)


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return f"({type(value).__name__} that is no JSON)"
