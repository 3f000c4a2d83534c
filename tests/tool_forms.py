"""Tool calls as the models of each family write them, for the tests of reading."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from rewards.tools import ToolCall

BAR = "｜"
Render = Callable[[Sequence[ToolCall]], str]


def _json(call: ToolCall, key: str = "arguments", name: str = "name") -> str:
    return json.dumps({name: call.name, key: dict(call.arguments)})


def _text(value: Any) -> str:
    """A value as the XML forms write it: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _openai(calls: Sequence[ToolCall]) -> str:
    functions = [{"name": c.name, "arguments": json.dumps(c.arguments)} for c in calls]
    return json.dumps({"tool_calls": [{"type": "function", "function": f} for f in functions]})


def _deepseek(calls: Sequence[ToolCall]) -> str:
    inner = "\n".join(
        f"<{BAR}tool▁call▁begin{BAR}>function<{BAR}tool▁sep{BAR}>{c.name}\n```json\n"
        f"{json.dumps(c.arguments)}\n```<{BAR}tool▁call▁end{BAR}>"
        for c in calls
    )
    return f"<{BAR}tool▁calls▁begin{BAR}>{inner}<{BAR}tool▁calls▁end{BAR}>"


def _dsml(calls: Sequence[ToolCall]) -> str:
    dsml = f"{BAR}DSML{BAR}"

    def one(call: ToolCall) -> str:
        values = "".join(
            f'<{dsml}parameter name="{k}" string="{"true" if isinstance(v, str) else "false"}">'
            f"{_text(v)}</{dsml}parameter>\n"
            for k, v in call.arguments.items()
        )
        return f'<{dsml}invoke name="{call.name}">\n{values}</{dsml}invoke>\n'

    return f"<{dsml}function_calls>\n{''.join(map(one, calls))}</{dsml}function_calls>"


def _invoke(opening: str, closing: str, prefix: str = "") -> Render:
    def one(call: ToolCall) -> str:
        values = "".join(
            f'<{prefix}parameter name="{k}">{_text(v)}</{prefix}parameter>\n'
            for k, v in call.arguments.items()
        )
        return f'<{prefix}invoke name="{call.name}">\n{values}</{prefix}invoke>'

    return lambda calls: "\n".join([opening, *map(one, calls), closing])


def _step3(calls: Sequence[ToolCall]) -> str:
    def one(call: ToolCall) -> str:
        values = "".join(
            f'<steptml:parameter name="{k}">{_text(v)}</steptml:parameter>'
            for k, v in call.arguments.items()
        )
        inner = f'<steptml:invoke name="{call.name}">{values}</steptml:invoke>'
        return (
            f"<{BAR}tool_call_begin{BAR}>function<{BAR}tool_sep{BAR}>{inner}"
            f"<{BAR}tool_call_end{BAR}>"
        )

    return f"<{BAR}tool_calls_begin{BAR}>{''.join(map(one, calls))}<{BAR}tool_calls_end{BAR}>"


def _coder(calls: Sequence[ToolCall]) -> str:
    def one(call: ToolCall) -> str:
        values = "".join(
            f"<parameter={k}>\n{_text(v)}\n</parameter>\n" for k, v in call.arguments.items()
        )
        return f"<tool_call>\n<function={call.name}>\n{values}</function>\n</tool_call>"

    return "\n".join(map(one, calls))


def _glm(calls: Sequence[ToolCall]) -> str:
    def one(call: ToolCall) -> str:
        values = "".join(
            f"<arg_key>{k}</arg_key>\n<arg_value>{_text(v)}</arg_value>\n"
            for k, v in call.arguments.items()
        )
        return f"<tool_call>{call.name}\n{values}</tool_call>"

    return "\n".join(map(one, calls))


def _kimi(calls: Sequence[ToolCall]) -> str:
    inner = "".join(
        f"<|tool_call_begin|>functions.{c.name}:{i}<|tool_call_argument_begin|>"
        f"{json.dumps(c.arguments)}<|tool_call_end|>"
        for i, c in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{inner}<|tool_calls_section_end|>"


def _harmony(calls: Sequence[ToolCall]) -> str:
    return "<|start|>assistant".join(
        f"<|channel|>commentary to=functions.{c.name} <|constrain|>json<|message|>"
        f"{json.dumps(c.arguments)}<|call|>"
        for c in calls
    )


def _gemma_value(value: Any) -> str:
    if isinstance(value, str):
        return f'<|"|>{value}<|"|>'
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{_gemma_value(k)}:{_gemma_value(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(_gemma_value, value)) + "]"
    return json.dumps(value)


def _gemma(calls: Sequence[ToolCall]) -> str:
    def one(call: ToolCall) -> str:
        inner = ",".join(f"{k}:{_gemma_value(v)}" for k, v in call.arguments.items())
        return f"<|tool_call>call:{call.name}{{{inner}}}<tool_call|>"

    return "".join(map(one, calls))


def python_call(call: ToolCall) -> str:
    return f"{call.name}({', '.join(f'{k}={v!r}' for k, v in call.arguments.items())})"


def _pythonic(calls: Sequence[ToolCall]) -> str:
    return f"[{', '.join(map(python_call, calls))}]"


def _between(opening: str, closing: str) -> Render:
    return lambda calls: f"{opening}[{', '.join(map(_json, calls))}]{closing}"


RENDER: dict[str, Render] = {
    "hermes": lambda calls: "\n".join(f"<tool_call>\n{_json(c)}\n</tool_call>" for c in calls),
    "openai": _openai,
    "llama3_json": lambda calls: (
        "<|python_tag|>" + "; ".join(_json(c, "parameters") for c in calls)
    ),
    "pythonic": _pythonic,
    "mistral": _between("[TOOL_CALLS] ", ""),
    "json": _between("", ""),
    "fenced": lambda calls: "\n".join(f"```json\n{_json(c)}\n```" for c in calls),
    "deepseek": _deepseek,
    "qwen3_coder": _coder,
    "anthropic": _invoke("<function_calls>", "</function_calls>"),
    "minimax": _invoke("<minimax:tool_call>", "</minimax:tool_call>"),
    "deepseek_v32": _dsml,
    "step3": _step3,
    "glm45": _glm,
    "kimi_k2": _kimi,
    "harmony": _harmony,
    "gemma": _gemma,
    "functionary": lambda calls: "\n".join(
        f">>>{c.name}\n{json.dumps(c.arguments)}" for c in calls
    ),
    "granite": _between("<|tool_call|>", ""),
    "hunyuan": _between("<tool_calls>", "</tool_calls>"),
    "phi4": _between("functools", ""),
    "internlm": lambda calls: "".join(
        f"<|action_start|><|plugin|>\n{_json(c, 'parameters')}<|action_end|>\n" for c in calls
    ),
    "apertus": lambda calls: (
        "<|tools_prefix|>"
        + json.dumps([{c.name: dict(c.arguments)} for c in calls])
        + "<|tools_suffix|>"
    ),
    "cohere": lambda calls: (
        "<|START_ACTION|>["
        + ", ".join(_json(c, "parameters", "tool_name") for c in calls)
        + "]<|END_ACTION|>"
    ),
    "nemotron": _between("<TOOLCALL>", "</TOOLCALL>"),
    "longcat": lambda calls: "\n".join(
        f"<longcat_tool_call>{_json(c)}</longcat_tool_call>" for c in calls
    ),
    "gigachat": lambda calls: "".join(f"<|function_call|>{_json(c)}" for c in calls),
    "inkling": lambda calls: "".join(
        f"<|content_invoke_tool_json|>{_json(c, 'args')}<|end_message|>" for c in calls
    ),
    "lfm2": lambda calls: f"<|tool_call_start|>{_pythonic(calls)}<|tool_call_end|>",
    "olmo3": lambda calls: (
        "<function_calls>\n" + "\n".join(map(python_call, calls)) + "\n</function_calls>"
    ),
}
"""Every format, as `rewards.tools.FORMATS` names them."""
TEXTUAL = frozenset({"qwen3_coder", "anthropic", "minimax", "step3", "glm45"})
"""Formats whose values are text; what one stands for is said by the tool's declaration."""
