"""The format that a model writes its calls in, by its chat template or a vLLM parser's name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_PARSERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hermes": "hermes",
        "longcat": "hermes",
        "qwen": "hermes",
        "qwen25": "hermes",
        "qwen3": "hermes",
        "qwen3_coder": "qwen3_coder",
        "qwen3_xml": "qwen3_coder",
        "openai": "openai",
        "llama3_json": "llama3_json",
        "llama4_json": "llama3_json",
        "pythonic": "pythonic",
        "llama4_pythonic": "pythonic",
        "olmo3": "pythonic",
        "mistral": "mistral",
        "deepseek_v3": "deepseek",
        "deepseek_v31": "deepseek",
        "json": "json",
        "fenced": "fenced",
        "deepseek": "deepseek",
    }
)
"""Names of vLLM's option `--tool-call-parser`, and those of the formats themselves."""
_MARKS: Final = (
    ("<function=", "qwen3_coder"),
    ("<tool_call>", "hermes"),
    ("[TOOL_CALLS]", "mistral"),
    ("<｜tool▁call", "deepseek"),
    ("<|python_start|>", "pythonic"),
    ("[func_name1(", "pythonic"),
    ("<|python_tag|>", "llama3_json"),
    ('"parameters": dictionary of argument', "llama3_json"),
)
"""What a template holds, the more specific first."""


def format_of_template(template: str) -> str:
    """The format that a chat template asks for, or that a vLLM parser's name stands for.

    Args:
        template: The text of a jinja template, or a name such as "hermes".

    Returns:
        A name in `FORMATS`; "auto" where the template says nothing of calls.
    """
    named = _PARSERS.get(template.strip())
    if named is not None:
        return named
    return next((format for mark, format in _MARKS if mark in template), "auto")
