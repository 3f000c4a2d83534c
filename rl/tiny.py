"""`builtin:tiny`: a small Qwen3 with a character-level tokenizer, made on the spot.

It exists so that the whole loop can be watched on a laptop: real architecture, real tokenizer
files and chat template, only small. `rl.warm_start` teaches it to answer in the right form.
"""

import re
import string
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

CHAT_TEMPLATE = (
    "{%- for message in messages %}{{ '<|' + message.role + '|>' + message.content + '<|end|>' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|assistant|>' }}"
    "{%- if enable_thinking is defined %}{{ '<think>' if enable_thinking else '<think></think>' }}"
    "{%- endif %}{%- endif %}"
)
"""Thinking is opened, or left empty, where a run says `enable_thinking`."""
THINKING = ("<think>", "</think>")
"""Marks that are a token each in a model of a run with reasoning modes."""
SPECIAL = ("<|pad|>", "<|unknown|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TOOL = "<|tool|>"
"""What opens the answer of a tool, in a model that has any."""


def make_tokenizer(*, tools: bool = False, words: Collection[str] = ()) -> PreTrainedTokenizerFast:
    r"""One token a printable ASCII character, one for `\boxed{`, and marks of turns.

    Args:
        tools: whether tools have a mark too.
        words: other texts that are a token of their own, as those are that a larger model's
            tokenizer has met often.
    """
    characters = [c for c in string.printable if c not in "\r\x0b\x0c"]
    special = [*SPECIAL, TOOL] if tools else list(SPECIAL)
    longest_first = sorted({"\\boxed{", *words}, key=lambda word: (-len(word), word))
    tokens = [*special, *longest_first, *characters]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    parts = "|".join([*map(re.escape, longest_first), r"[\s\S]"])
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(parts), "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        unk_token=SPECIAL[1],
        eos_token=SPECIAL[2],
        additional_special_tokens=special[3:],
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def make_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen3ForCausalLM:
    """A Qwen3 of 0.8M parameters with tied embeddings and random weights, float32."""
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer in Hugging Face format."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
