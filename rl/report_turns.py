"""An episode turn by turn, as a report shows it: what was said, and beside it what is known of it.

Guarantees: what the policy, a tool or an environment wrote stays text; files that say less, or that
hold something else, show less.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rl.rollout_files import message_line

TEXT_LIMIT: Final = 8_000
"""Characters of one prompt, answer, message or reference shown at most."""

MESSAGE_LIMIT: Final = 40
"""Messages of one conversation shown at most."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it is shown."""

    role: str
    text: str
    notes: tuple[str, ...] = ()
    """What is known of it, a few words each."""
    wrong: str = ""
    """Where the policy was cut, or what went wrong with a call; empty: nothing."""


def conversation(row: Mapping[str, Any]) -> list[Said]:
    """What came after the prompt; nothing where an answer is all there was."""
    messages = _messages(row.get("messages"))
    turns = _turns(row)
    if not messages:
        return []
    after = _after(row.get("prompt"), messages)
    first = len(messages) - len(after)
    told = _told(messages, turns)
    said = [
        replace(Said(one["role"], shortened(_text(one))), **told.get(number, {}))
        for number, one in enumerate(after, first)
    ]
    if len(said) > MESSAGE_LIMIT:
        left = Said("", f"[{len(said) - MESSAGE_LIMIT:,} more messages]")
        said[MESSAGE_LIMIT // 2 : -MESSAGE_LIMIT // 2] = [left]
    return [*said, *_elsewhere(turns), *_graded(row, messages)]


def alone(row: Mapping[str, Any]) -> Said | None:
    """What is known of an answer that is all there was; None: nothing."""
    turns = _turns(row)
    return Said("", "", *_known(turns[0])) if len(turns) == 1 else None


def shortened(value: Any) -> Any:
    """A text cut at its limit, which is said; anything else as it is."""
    if not isinstance(value, str) or len(value) <= TEXT_LIMIT:
        return value
    return f"{value[:TEXT_LIMIT]}\n[{len(value) - TEXT_LIMIT:,} more characters]"


def _turns(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    turns = row.get("turn_records")
    return list(turns) if isinstance(turns, list) else []


def _messages(text: Any) -> list[Mapping[str, Any]]:
    try:
        messages = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(messages, list) or not all(map(_is_message, messages)):
        return []
    return messages


def _is_message(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("role"), str)


def _after(prompt: Any, messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The messages behind those that `prompt` shows; all where it does not show the first."""
    rest = f"{prompt}\n"
    for number, message in enumerate(messages):
        if not rest:
            return messages[number:]
        line = f"{message_line(message)}\n" if "content" in message else rest + "\n"
        if not rest.startswith(line):
            break
        rest = rest[len(line) :]
    return messages


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    text = content if isinstance(content, str) else json.dumps(content)
    calls = message.get("tool_calls")
    lines = [json.dumps(call) for call in calls] if isinstance(calls, list) else []
    return "\n".join([text, *lines] if text else lines)


def _told(
    messages: Sequence[Mapping[str, Any]], turns: Sequence[Mapping[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Notes on messages, by their place."""
    found: dict[int, dict[str, Any]] = {}
    for turn in turns:
        place = turn["message"]
        if place is None or place >= len(messages):
            continue
        notes, wrong = _known(turn)
        found[place] = {"notes": notes, "wrong": wrong}
        for number, call in enumerate(turn["calls"] or (), place + 1):
            told = (*((call["name"],) if call["name"] else ()), seconds(call["seconds"]))
            error = call["error"].replace("_", " ")
            found[number] = {"notes": told, "wrong": f"error: {error}" if error else ""}
        if not turn["calls"] and turn["answer_seconds"] is not None:
            found[place + 1] = {"notes": (f"after {seconds(turn['answer_seconds'])}",)}
    return found


def _known(turn: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """What is known of a turn of the policy, and whether it was cut."""
    versions = [span["version"] for span in turn["versions"] or ()]
    notes = [
        f"{turn['tokens']:,} tokens in {seconds(turn['seconds'])}",
        f"at {seconds(turn['began'])}",
        f"version {versions[0]}" if versions else "",
        f"to {versions[-1]}" if versions[1:] else "",
        f"reward {turn['reward']:+.4g}" if turn["reward"] else "",
        f"context {turn['prompt_tokens']:,}",
    ]
    if turn["trajectory"]:
        notes.append(f"trajectory {turn['trajectory'] + 1}")
    if turn["cached_tokens"] is not None and turn["prompt_tokens"]:
        notes.append(f"{turn['cached_tokens'] / turn['prompt_tokens']:.0%} of it cached")
    if turn["engine"]:
        notes.append(f"engine {turn['engine']}")
    cut = f"cut after {turn['tokens']:,} tokens" if turn["stop"] == "length" else ""
    return tuple(note for note in notes if note), cut


def _elsewhere(turns: Sequence[Mapping[str, Any]]) -> Iterator[Said]:
    """Turns of other contexts than the conversation's, as agents have them."""
    others = [turn for turn in turns if turn["message"] is None]
    for turn in others[:MESSAGE_LIMIT]:
        yield Said("assistant, elsewhere", shortened(turn["text"] or ""), *_known(turn))
    if len(others) > MESSAGE_LIMIT:
        yield Said("", f"[{len(others) - MESSAGE_LIMIT:,} more turns of other contexts]")


def _graded(row: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> Iterator[Said]:
    """What is graded, where an agent wrote it and no turn of the policy is it."""
    response = row.get("response")
    may_be = row.get("opened") == "none" and "agent_seconds" in dict(row.get("metrics") or ())
    if may_be and isinstance(response, str) and response != messages[-1].get("content"):
        yield Said("answer, by the agent", shortened(response))


def seconds(value: float) -> str:
    """A duration in words."""
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"
