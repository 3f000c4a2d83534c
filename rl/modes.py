"""In which reasoning mode each prompt is asked, and what of that stands in its messages.

Guarantees: the mode of a prompt is a function of the settings, its id and the seed; which other
prompts there are, and their order, change nothing. A prompt that names a mode is asked in that one.
What a mode says in the system's or the user's message is part of the prompt from here on; what it
says to the chat template, and before the policy's turn, the renderer adds.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Final

from data.schema import Prompt
from rl.config import ModeConfig, RunConfig
from rl.errors import ConfigError
from rl.tokens import LastTurn, Message

COLUMN: Final = "reasoning_mode"
"""The column under which verifiers find a prompt's mode."""


def in_modes(
    prompts: Sequence[Prompt], config: RunConfig, *, seed: int, mode: str | None = None
) -> list[Prompt]:
    """The prompts as they are asked, each in its mode; unchanged where a run has no modes.

    Args:
        prompts: as they were read.
        config: a run's.
        seed: of the draw.
        mode: the one for all of them; None: each its own.

    Raises:
        ConfigError: a row names a mode that there is none of, or has none and all shares are 0.
    """
    if not config.modes:
        return list(prompts)
    return [_in_mode(one, config, mode or _mode_of(one, config, seed)) for one in prompts]


def counted_modes(prompts: Sequence[Prompt]) -> str:
    """How many prompts are asked in each mode, in words; empty where there are none."""
    counts = Counter(prompt.mode for prompt in prompts if prompt.mode)
    return ", ".join(f"{count:,} in mode {name}" for name, count in sorted(counts.items()))


def columns_of(
    prompt: Prompt, thinking_tokens: int | None, last_turn: LastTurn | None = None
) -> dict[str, Any]:
    """The columns by which verifiers know of a prompt's mode, and of an answer's thinking.

    Args:
        prompt: as it was asked.
        thinking_tokens: of the policy's last turn; None: not counted.
        last_turn: of the policy, where something else is graded.
    """
    found: dict[str, Any] = {COLUMN: prompt.mode} if prompt.mode else {}
    if thinking_tokens is not None:
        found["thinking_tokens"] = thinking_tokens
    if last_turn is not None:
        found |= {"policy_turn": last_turn.text, "policy_turn_thinking": last_turn.thinking}
    return found


def _mode_of(prompt: Prompt, config: RunConfig, seed: int) -> str:
    source = config.data.sources.get(prompt.source, config.data)
    if source.mode is not None:
        return source.mode
    column = source.mode_column
    named = None if column is None else prompt.metadata.get(column)
    if named is None or named == "":
        return _drawn(prompt.id, config.modes, seed)
    if not isinstance(named, str) or named not in config.modes:
        raise ConfigError(
            f"prompt {prompt.id!r}: its column {column!r} names the mode {named!r:.40}, and there "
            f"are {', '.join(config.modes)}; correct it, or set data.mode_column to another column "
            "or to null"
        )
    return named


def _drawn(id: str, modes: Mapping[str, ModeConfig], seed: int) -> str:
    """A mode by share."""
    ends = list(accumulate(one.share for one in modes.values()))
    if not ends[-1]:
        raise ConfigError(
            f"prompt {id!r} names no mode, and the share of every mode is 0: give one of "
            f"{', '.join(modes)} a share, or name the prompt's mode in its row or in data.mode"
        )
    digest = hashlib.sha256(f"{seed}/{id}".encode()).digest()
    at = int.from_bytes(digest[:8]) / 2**64 * ends[-1]
    return next(
        (name for name, end in zip(modes, ends, strict=True) if at < end),
        [name for name, one in modes.items() if one.share][-1],
    )


def _in_mode(prompt: Prompt, config: RunConfig, name: str) -> Prompt:
    mode = config.modes[name]
    messages = prompt.messages
    if mode.template is not None:
        messages = _around(messages, mode.template, prompt, name)
    if mode.system is not None:
        messages = _below_system(messages, mode.system)
    return replace(prompt, messages=messages, mode=name)


def _around(
    messages: tuple[Message, ...], template: str, prompt: Prompt, name: str
) -> tuple[Message, ...]:
    *before, last = messages
    if last["role"] != "user":
        raise ConfigError(
            f"prompt {prompt.id!r} ends with a message of role {last['role']!r}, which "
            f"modes.{name}.template cannot go around: use its system or prefix"
        )
    said = str(last.get("content") or "")
    return (*before, {**last, "content": template.replace("{prompt}", said)})


def _below_system(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    first, *rest = messages
    if first["role"] != "system":
        return ({"role": "system", "content": text}, *messages)
    said = str(first.get("content") or "")
    return ({**first, "content": f"{said}\n\n{text}" if said else text}, *rest)
