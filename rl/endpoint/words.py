"""What a client says as words: marks of turns in it are taken apart before it is encoded."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rl.endpoint.matching import canonical
from rl.endpoint.refusals import RefusalError
from rl.episodes.rendering import Renderer
from rl.tokens import Message


def plain(renderer: Renderer, messages: Sequence[Message]) -> list[Message]:
    """Messages whose words are no marks; what the policy is said to have said keeps its calls."""
    return [
        renderer.said(one) if one["role"] == "assistant" else renderer.observed(one)
        for one in messages
    ]


def declared(renderer: Renderer, tools: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Declarations whose words are no marks.

    Raises:
        RefusalError: They hold some that cannot be taken apart.
    """
    if not tools:
        return ()
    written = canonical(list(tools))
    apart = renderer.observed({"role": "tool", "content": written})["content"]
    if apart == written:
        return tools
    try:
        read: list[Mapping[str, Any]] = json.loads(apart)
    except ValueError as error:
        text = "tools: the declarations hold marks of turns that cannot be taken apart"
        raise RefusalError(text, param="tools") from error
    return read
