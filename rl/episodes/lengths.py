"""Prompts that cannot be asked, found before anything is trained: too long, or refused."""

from collections.abc import Sequence
from dataclasses import replace

from data.schema import Prompt
from rl.episodes.rendering import Renderer
from rl.errors import ModelError, TooLongError
from rl.tokens import Ids

_AT_ONCE = 1024  # prompts whose texts are held together


def too_long(renderer: Renderer, prompts: Sequence[Prompt], limit: int) -> list[tuple[Prompt, int]]:
    """The prompts of more than `limit` tokens under the chat template, each with its tokens.

    Raises:
        ModelError: The chat template refuses one of them.
    """
    found = []
    for first in range(0, len(prompts), _AT_ONCE):
        some = prompts[first : first + _AT_ONCE]
        try:
            counts = token_counts(renderer, some)
        except ModelError:
            for prompt in some:
                started(renderer, prompt)
            raise
        found += [(p, count) for p, count in zip(some, counts, strict=True) if count > limit]
    return found


def token_counts(renderer: Renderer, prompts: Sequence[Prompt]) -> list[int]:
    """Tokens of each prompt, in its mode.

    Raises:
        ModelError: The chat template refuses one of them.
    """
    counts = [0] * len(prompts)
    for mode in dict.fromkeys(prompt.mode for prompt in prompts):
        places = [place for place, prompt in enumerate(prompts) if prompt.mode == mode]
        asked = [(prompts[place].messages, prompts[place].tools) for place in places]
        for place, count in zip(places, renderer.of(mode).lengths(asked), strict=True):
            counts[place] = count
    return counts


def offered(environment: object, prompt: Prompt) -> Prompt:
    """A prompt with the tools that are there: an environment's, where it has any."""
    tools = tuple(getattr(environment, "tools", ()))
    if getattr(environment, "takes_rows", False):
        tools += tuple(one for one in prompt.tools if one not in tools)
    return replace(prompt, tools=tools) if tools else prompt


def started(renderer: Renderer, prompt: Prompt) -> Ids:
    """The ids of a prompt.

    Raises:
        ModelError: The chat template refuses it; it is named.
    """
    try:
        return renderer.of(prompt.mode).start(prompt.messages, prompt.tools)
    except ModelError as error:
        raise ModelError(f"prompt {prompt.id!r}: {error}") from error


def check_lengths(renderer: Renderer, prompts: Sequence[Prompt], limit: int) -> None:
    """Refuse prompts that are too long, by name.

    Raises:
        TooLongError: There are such prompts; the longest is named.
        ModelError: The chat template refuses one of them.
    """
    refuse(too_long(renderer, prompts, limit), len(prompts), limit)


def refuse(long: Sequence[tuple[Prompt, int]], of: int, limit: int) -> None:
    """Raise if there are any; `of` how many prompts."""
    if long:
        worst, count = max(long, key=lambda item: item[1])
        raise TooLongError(
            f"{len(long)} of {of} prompts have more than rollout.max_prompt_tokens={limit} tokens, "
            f"the longest {worst.id!r} with {count}: raise the limit, or remove them from the data"
        )
