"""The formats of calls by name, each with its reader."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, Literal

from rewards.tools.formats import (
    deepseek,
    fenced,
    gemma,
    glm45,
    harmony,
    hermes,
    invoke,
    json_calls,
    kimi_k2,
    llama3_json,
    marked_json,
    marked_python,
    mistral,
    named_json,
    openai,
    pythonic,
    qwen3_coder,
)
from rewards.tools.formats.found import Found, Offered

Format = Literal[
    "auto",
    "anthropic",
    "apertus",
    "cohere",
    "deepseek",
    "deepseek_v32",
    "fenced",
    "functionary",
    "gemma",
    "gigachat",
    "glm45",
    "granite",
    "harmony",
    "hermes",
    "hunyuan",
    "inkling",
    "internlm",
    "json",
    "kimi_k2",
    "lfm2",
    "llama3_json",
    "longcat",
    "minimax",
    "mistral",
    "nemotron",
    "olmo3",
    "openai",
    "phi4",
    "pythonic",
    "qwen3_coder",
    "step3",
]
Parser = Callable[[str, Offered], Found]


def _minimax(text: str, offered: Offered) -> Found:
    """MiniMax M2 writes XML, M1 JSON in `<tool_calls>`."""
    is_json = "<tool_calls>" in text and "<invoke" not in text
    return marked_json.PARSERS["hunyuan"](text, offered) if is_json else invoke.parse(text, offered)


FORMATS: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "hermes": hermes.parse,
        "openai": openai.parse,
        "llama3_json": llama3_json.parse,
        "pythonic": pythonic.parse,
        "mistral": mistral.parse,
        "json": json_calls.parse,
        "fenced": fenced.parse,
        "deepseek": deepseek.parse,
        "qwen3_coder": qwen3_coder.parse,
        "anthropic": invoke.parse,
        "deepseek_v32": invoke.parse,
        "step3": invoke.parse,
        "minimax": _minimax,
        "glm45": glm45.parse,
        "kimi_k2": kimi_k2.parse,
        "harmony": harmony.parse,
        "gemma": gemma.parse,
        "functionary": named_json.parse,
        **marked_json.PARSERS,
        **marked_python.PARSERS,
    }
)
"""The parser of each format; all take the text without thinking, and the tools by name."""
UNMARKED: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "openai": openai.parse,
        "fenced": partial(fenced.parse, any_key=False),
        "json": partial(json_calls.parse, any_key=False),
        "functionary": named_json.bare,
        "pythonic": pythonic.parse,
    }
)
"""What `auto` tries where there is no mark, in this order."""
