"""The format that a model writes its calls in, by its chat template or a vLLM parser's name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rewards.tools.formats.table import FORMATS

_PARSERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{name: name for name in FORMATS},
        "qwen": "hermes",
        "qwen25": "hermes",
        "qwen3": "hermes",
        "granite4": "hermes",
        "ernie45": "hermes",
        "qwen3_xml": "qwen3_coder",
        "seed_oss": "qwen3_coder",
        "step3p5": "qwen3_coder",
        "mimo": "qwen3_coder",
        "nemotron_v3": "qwen3_coder",
        "glm47": "glm45",
        "ling3": "glm45",
        "poolside_v1": "glm45",
        "hy_v3": "glm45",
        "hy_v4": "glm45",
        "minimax_m2": "minimax",
        "minicpm5": "anthropic",
        "dots": "anthropic",
        "deepseek_v3": "deepseek",
        "deepseek_v31": "deepseek",
        "deepseek_v4": "deepseek_v32",
        "gemma4": "gemma",
        "functiongemma": "gemma",
        "cohere_command3": "cohere",
        "cohere_command4": "cohere",
        "granite-20b-fc": "granite",
        "hunyuan_a13b": "hunyuan",
        "jamba": "hunyuan",
        "phi4_mini_json": "phi4",
        "gigachat3": "gigachat",
        "xlam": "json",
        "llama4_json": "llama3_json",
        "llama4_pythonic": "pythonic",
        "gpt_oss": "harmony",
    }
)
"""Names of vLLM's option `--tool-call-parser`, and those of the formats themselves (`openai` is the
message's form here; vLLM calls gpt-oss so)."""
_MARKS: Final = (
    ("<|channel|>", "harmony"),
    ("｜DSML｜", "deepseek_v32"),
    ("<steptml:", "step3"),
    ("<minimax:tool_call>", "minimax"),
    ("<arg_key", "glm45"),
    ("<function=", "qwen3_coder"),
    ("<invoke", "anthropic"),
    ("<|tool_calls_section_begin|>", "kimi_k2"),
    ("<|tool_call_start|>", "lfm2"),
    ("<|tool_call>", "gemma"),
    ("<start_function_call>", "gemma"),
    ("<|START_ACTION|>", "cohere"),
    ("<|tools_prefix|>", "apertus"),
    ("<|action_start|>", "internlm"),
    ("<|content_invoke_tool_json|>", "inkling"),
    ("<longcat_tool_call>", "longcat"),
    ("<TOOLCALL>", "nemotron"),
    ("<|function_call|>", "gigachat"),
    ("<function_calls>", "olmo3"),
    ("<|tool_call|>", "granite"),
    ("<function_call>", "granite"),
    ("functools[", "phi4"),
    ("<|recipient|>", "functionary"),
    (">>>all", "functionary"),
    ("<tool_calls>", "hunyuan"),
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
