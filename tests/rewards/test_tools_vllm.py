"""The readers agree with vLLM's parsers on calls that are whole."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from rewards.tools import ToolCall, parse_calls
from tests.tool_forms import RENDER

PARSERS = {
    "hermes": "hermes", "glm45": "glm45", "kimi_k2": "kimi_k2", "deepseek": "deepseek_v3",
    "deepseek_v32": "deepseek_v32", "minimax": "minimax_m2", "step3": "step3", "gemma": "gemma4",
    "olmo3": "olmo3", "pythonic": "pythonic", "granite": "granite", "hunyuan": "hunyuan_a13b",
    "phi4": "phi4_mini_json", "internlm": "internlm", "apertus": "apertus", "longcat": "longcat",
    "gigachat": "gigachat3", "inkling": "inkling", "lfm2": "lfm2", "qwen3_coder": "qwen3_coder",
    "mistral": "mistral", "llama3_json": "llama3_json", "json": "xlam",
}  # fmt: skip
"""vLLM's parser of each format. That of Cohere needs a package, that of gpt-oss is a stub."""
ONE_CALL = frozenset({"internlm", "gigachat"})
LOST = {"step3": ("[", "{"), "phi4": ("]",), "gemma": ("[1", '{"k')}
"""What in the arguments makes vLLM's parsers lose calls, or types within lists and objects."""
PROPERTIES = {
    "n": {"type": "number"}, "text": {"type": "string"}, "items": {"type": "array"},
    "more": {"type": "object"}, "on": {"type": "boolean"},
}  # fmt: skip
TOOLS = [
    {"type": "function", "function": {"name": name, "description": "d",
     "parameters": {"type": "object", "properties": PROPERTIES}}}
    for name in ("book", "look_up")
]  # fmt: skip
CASES: list[list[tuple[str, dict[str, Any]]]] = [
    [("book", {"n": 1, "text": "Bergen"})],
    [("book", {})],
    [("book", {"n": -2.5, "text": 'it\'s a "quote"'})],
    [("book", {"text": "é 日本 😀", "on": True}), ("look_up", {"on": False, "text": "7"})],
    [("look_up", {"text": "line 1\nline 2\n\nline 4"})],
    [("look_up", {"text": "C:\\temp\\new {x} [y] <b>z</b> & more, k=v; f(a=1)"})],
    [("book", {"items": [1, "x", [True, None]], "more": {"k": {"deep": [2.5]}}})],
    [("book", {"text": '{"a": 1}'}), ("book", {"text": "12345"}), ("book", {"text": "null"})],
]


def _is_kept(format: str, calls: Sequence[tuple[str, dict[str, Any]]]) -> bool:
    """Whether vLLM's parser keeps all of the calls."""
    values = json.dumps([list(arguments.values()) for _, arguments in calls])
    return not (len(calls) > 1 and format in ONE_CALL) and not any(
        mark in values[2:-2] for mark in LOST.get(format, ())
    )


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
@pytest.mark.timeout(300)
def test_what_vllm_reads_is_read() -> None:
    rows = [(format, calls) for format in PARSERS for calls in CASES if _is_kept(format, calls)]
    texts = [RENDER[format]([ToolCall(*call) for call in calls]) for format, calls in rows]
    asked = "\n".join(
        json.dumps([PARSERS[format], text, TOOLS])
        for (format, _), text in zip(rows, texts, strict=True)
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.vllm_parsers"],
        input=asked, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("read ")]
    assert len(lines) == len(rows) > 100, done.stderr[-2000:]
    for (format, calls), text, line in zip(rows, texts, lines, strict=True):
        ours = [[one.name, one.arguments] for one in parse_calls(text, tools=TOOLS).calls]
        assert ours == [list(call) for call in calls], (format, text)
        assert ours == json.loads(line.removeprefix("read ")), (format, text)
