"""A chat completion as a client asks for it, read strictly.

Guarantees: what would make the policy sample otherwise than the run says is refused with a line
that names the field, and so is every field that is not known here; what only says who asks is
passed over. Reading takes time in proportion to the body, whatever is in it. Messages come out in
one form, with text as content and arguments of calls as objects; what the policy thought is left
out, as templates and clients treat it in as many ways as there are.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from rewards.tools.parse import has_half_pair, is_deep
from rl.endpoint.refusals import RefusalError
from rl.tokens import Message, Sampling

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_MEANT: Final = frozenset(
    {
        "messages", "tools", "tool_choice", "stream", "stream_options", "max_tokens",
        "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "n",
        "presence_penalty", "frequency_penalty", "repetition_penalty", "response_format",
        "parallel_tool_calls", "logprobs", "top_logprobs", "logit_bias", "seed", "stop",
    }
)  # fmt: skip
_PASSED_OVER: Final = frozenset(
    {
        "model", "user", "metadata", "store", "service_tier", "safety_identifier",
        "prompt_cache_key", "prompt_cache_retention",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks for."""

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...]
    """Declarations, as `{"type": "function", "function": {...}}`."""
    max_tokens: int | None = None
    """Of the answer; None: as many as the run allows."""
    streamed: bool = False
    with_usage: bool = False
    """Whether a stream ends with a count of tokens."""


def read(body: bytes, sampling: Sampling) -> Asked:
    """The request in a body.

    Args:
        body: JSON, as it came.
        sampling: How the run samples: a field that says the same is no change.

    Raises:
        RefusalError: It is not served; names the field.
    """
    fields = _loaded(body)
    for name in fields:
        if name not in _MEANT and name not in _PASSED_OVER and fields[name] is not None:
            raise _refused(name, f"{name:.100} is no field that this endpoint knows: leave it out")
    tools = _tools(fields.get("tools"))
    _check_neutral(fields, sampling, has_tools=bool(tools))
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _refused("messages", "messages has to be a list with at least one message")
    options = fields.get("stream_options") or {}
    return Asked(
        tuple(_message(i, message) for i, message in enumerate(messages)),
        tools,
        _max_tokens(fields),
        _flag(fields, "stream"),
        isinstance(options, Mapping) and options.get("include_usage") is True,
    )


def _loaded(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body, parse_constant=_no_number)
        if not isinstance(fields, dict):
            raise RefusalError("the body has to be a JSON object")
        if is_deep([fields]):
            raise RefusalError("the body is nested too deep: at most 64 levels are read")
        if has_half_pair(fields):
            raise RefusalError("the body has half of a surrogate pair, which is no text")
    except RecursionError as error:
        raise RefusalError("the body is nested too deep: at most 64 levels are read") from error
    except ValueError as error:
        raise RefusalError(f"the body is no JSON: {error}") from error
    return fields


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _check_neutral(fields: Mapping[str, Any], sampling: Sampling, *, has_tools: bool) -> None:
    """Refuse what would change how the policy samples.

    Raises:
        RefusalError: Names the field.
    """
    same: dict[str, Callable[[Any], bool]] = {
        "temperature": lambda value: _equals(value, sampling.temperature),
        "top_p": lambda value: _equals(value, sampling.top_p),
        "top_k": lambda value: (
            _equals(value, sampling.top_k) or (value == -1 and not sampling.top_k)
        ),
        "min_p": lambda value: _equals(value, sampling.min_p),
        "repetition_penalty": lambda value: _equals(value, sampling.repetition_penalty),
        "n": lambda value: _equals(value, 1),
        "presence_penalty": lambda value: _equals(value, 0),
        "frequency_penalty": lambda value: _equals(value, 0),
        "response_format": lambda value: value == {"type": "text"},
        "tool_choice": lambda value: value == "auto" or (value == "none" and not has_tools),
        "parallel_tool_calls": lambda value: value is True or not has_tools,
        "logprobs": lambda value: value is False,
        "top_logprobs": lambda value: _equals(value, 0),
        "logit_bias": lambda value: value == {},
        "stop": lambda value: value == [],
        "seed": lambda value: False,
    }
    for name, is_same in same.items():
        value = fields.get(name)
        if value is None or is_same(value):
            continue
        if name in ("logprobs", "top_logprobs"):
            raise _refused(name, f"{name} is not given by this endpoint: leave it out")
        raise _refused(
            name,
            f"{name}={value!r:.60} would change how the policy samples, which the run alone says "
            f"(temperature {sampling.temperature:g}, top_p {sampling.top_p:g}, no constraint on "
            "the text): leave it out",
        )


def _equals(value: Any, wanted: float) -> bool:
    return type(value) in (int, float) and value == wanted


def _max_tokens(fields: Mapping[str, Any]) -> int | None:
    found = []
    for name in ("max_completion_tokens", "max_tokens"):
        value = fields.get(name)
        if value is None:
            continue
        if type(value) is not int or value < 1:
            raise _refused(name, f"{name} has to be a whole number of at least 1")
        found.append(value)
    return min(found, default=None)


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise _refused(name, f"{name} has to be true or false")
    return bool(value)


def _tools(value: Any) -> tuple[Mapping[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _refused("tools", "tools has to be a list")
    return tuple(_tool(i, one) for i, one in enumerate(value))


def _tool(i: int, value: Any) -> Mapping[str, Any]:
    where = f"tools[{i}]"
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, dict) or value.get("type", "function") != "function":
        raise _refused(where, f"{where}: only tools of the type function are read")
    name, parameters = function.get("name"), function.get("parameters")
    if not isinstance(name, str) or not name:
        raise _refused(where, f"{where}: a function has a name")
    if parameters is not None and not isinstance(parameters, dict):
        raise _refused(where, f"{where}: the parameters of a function are a JSON schema")
    # `strict` asks for constrained sampling, which frameworks set by themselves; it is left out.
    kept = ("name", "description", "parameters")
    return {
        "type": "function",
        "function": {key: function[key] for key in kept if function.get(key) is not None},
    }


def _message(i: int, value: Any) -> Message:
    where = f"messages[{i}]"
    role = _ROLES.get(str(value.get("role"))) if isinstance(value, dict) else None
    if role is None:
        known = ", ".join(_ROLES)
        raise _refused(where, f"{where}: a message is an object with a role of {known}")
    for name in ("function_call", "audio"):
        if value.get(name) is not None:
            raise _refused(f"{where}.{name}", f"{where}: {name} is not read; use tool_calls")
    calls = value.get("tool_calls") if role == "assistant" else None
    message: dict[str, Any] = {
        "role": role,
        "content": _content(where, value.get("content"), may_miss=role == "assistant"),
    }
    if isinstance(value.get("name"), str) and role != "assistant":
        message["name"] = value["name"]
    if role == "tool":
        if not isinstance(value.get("tool_call_id"), str):
            raise _refused(where, f"{where}: a message of a tool has a tool_call_id")
        message["tool_call_id"] = value["tool_call_id"]
    if calls:
        if not isinstance(calls, list):
            raise _refused(where, f"{where}: tool_calls has to be a list")
        message["tool_calls"] = [_call(f"{where}.tool_calls[{n}]", c) for n, c in enumerate(calls)]
    return message


def _content(where: str, value: Any, *, may_miss: bool) -> str:
    if isinstance(value, str):
        return value
    if value is None and may_miss:
        return ""
    if not isinstance(value, list):
        raise _refused(where, f"{where}: content has to be text")
    return "".join(_part(where, part) for part in value)


def _part(where: str, value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    text = value.get("text") if kind in ("text", "input_text", "output_text") else None
    if not isinstance(text, str):
        what = "images are" if "image" in str(kind) else f"a part of the type {kind!s:.40} is"
        raise _refused(where, f"{where}: {what} not read, only text")
    return text


def _call(where: str, value: Any) -> Mapping[str, Any]:
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _refused(where, f"{where}: a call has a function with a name")
    if not isinstance(value.get("id"), str):
        raise _refused(where, f"{where}: a call has an id")
    arguments = function.get("arguments", "")
    if not isinstance(arguments, str):
        raise _refused(where, f"{where}: arguments are JSON text")
    made = {"name": function["name"], "arguments": _arguments(where, arguments)}
    return {"id": value["id"], "type": "function", "function": made}


def _arguments(where: str, text: str) -> Any:
    """Arguments as an object, or as the text that they are."""
    try:
        found = json.loads(text or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text
    if is_deep([found]) or has_half_pair(found):
        raise _refused(where, f"{where}: its arguments are nested too deep, or no text")
    return found if isinstance(found, dict) else text


def _refused(param: str, message: str) -> RefusalError:
    return RefusalError(message, param=param)
