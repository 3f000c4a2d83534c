"""`python -m tests.vllm_parsers`: what vLLM's tool parsers read, for a test to compare with.

Reads lines of `[parser, text, tools]` from the input, in JSON, and writes a line of
`[[name, arguments], ...]` for each. A process of its own: importing vLLM takes seconds.
"""

import json
import os
import sys
from typing import Any

MARKS = (
    "<tool_call>", "</tool_call>", "<tool_calls>", "</tool_calls>", "<arg_key>", "</arg_key>",
    "<arg_value>", "</arg_value>", "<think>", "</think>", "[TOOL_CALLS]", "<|python_tag|>",
    "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_begin|>",
    "<|tool_call_end|>", "<|tool_call_argument_begin|>", "<|tool_call_start|>", "<|tool_call>",
    "<tool_call|>", '<|"|>', "<|channel>", "<channel|>", "<minimax:tool_call>",
    "</minimax:tool_call>", "<seed:tool_call>", "</seed:tool_call>", "<longcat_tool_call>",
    "</longcat_tool_call>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>", "<｜DSML｜function_calls>",
    "</｜DSML｜function_calls>", "<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>",
)  # fmt: skip
"""Marks that some parsers ask for in a tokenizer's words."""


def _tokenizer() -> Any:
    """A tokenizer of single bytes and the marks."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    words.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in MARKS])
    return PreTrainedTokenizerFast(tokenizer_object=words)


def main() -> int:
    """Read every line; returns the exit code."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.tool_parsers import ToolParserManager

    tokenizer = _tokenizer()
    for line in sys.stdin:
        name, text, tools = json.loads(line)
        request = ChatCompletionRequest(
            messages=[{"role": "user", "content": "x"}], tools=tools, model="m"
        )
        parser = ToolParserManager.get_tool_parser(name)(tokenizer, request.tools)
        read = parser.extract_tool_calls(text, request).tool_calls
        calls = [(c.function.name, json.loads(c.function.arguments or "{}")) for c in read]
        print("read", json.dumps(calls), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
