"""`builtin:tiny`: a small Qwen3 with a character-level tokenizer, made on the spot.

It exists so that the whole loop can be watched on a laptop: real architecture, real tokenizer
files and chat template, only small. A supervised warm start teaches it to answer in the right form
and stops at a given accuracy, so that reinforcement learning has something left to teach.
"""

import random
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from rl.errors import ModelError

CHAT_TEMPLATE = (
    "{%- for message in messages %}{{ '<|' + message.role + '|>' + message.content + '<|end|>' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|assistant|>' }}{%- endif %}"
)
SPECIAL = ("<|pad|>", "<|unknown|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TOOL = "<|tool|>"
"""What opens the answer of a tool, in a model that has any."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the warm start imitates."""

    prompt: Sequence[Mapping[str, Any]]
    """Messages."""
    answer: str
    right: str
    """How a right answer ends; the demonstrated one may be wrong."""
    task: str = ""
    """The kind of task, or of turn."""


@dataclass(frozen=True, slots=True)
class WarmStart:
    """What came of a warm start."""

    accuracy: float
    """Share of sampled answers that were right, in the task with the fewest."""
    updates: int
    seconds: float


def make_tokenizer(*, tools: bool = False) -> PreTrainedTokenizerFast:
    r"""One token a printable ASCII character, one for `\boxed{`, and marks of turns.

    Args:
        tools: whether tools have a mark too.
    """
    characters = [c for c in string.printable if c not in "\r\x0b\x0c"]
    special = [*SPECIAL, TOOL] if tools else list(SPECIAL)
    tokens = [*special, "\\boxed{", *characters]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\\boxed\{|[\s\S]"), "isolated")
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


def warm_start(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    demonstrations: Sequence[Demonstration],
    *,
    accuracy: float,
    lr: float,
    seed: int,
    report: Callable[[int, float], None],
    deadline: float = 600.0,
) -> WarmStart:
    """Imitate demonstrations until sampled answers reach `accuracy` in every task.

    Accuracy jumps once the model has understood the task, so it is measured every few updates, and
    the learning rate falls to a third on the way up, to stop near the wanted level instead of far
    above.

    Args:
        model: changed in place.
        tokenizer: its tokenizer.
        demonstrations: what to imitate.
        accuracy: share of sampled answers that must be right.
        lr: learning rate, reached after 50 updates.
        seed: decides batches and samples.
        report: called with the number of updates and the accuracy after each measurement.
        deadline: seconds after which the attempt is given up.

    Raises:
        ModelError: the deadline passed first.
    """
    started = time.monotonic()
    generator = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.1)
    reached, updates = 0.0, 0
    while reached < accuracy:
        if time.monotonic() - started > deadline:
            raise ModelError(
                f"the warm start reached an accuracy of {reached:.0%} in {deadline:.0f} s, not "
                f"{accuracy:.0%}: lower model.warm_start_accuracy, or use easier data"
            )
        rising = reached > accuracy / 4
        for group in optimizer.param_groups:
            group["lr"] = lr / 3 if rising else lr * min(1.0, (updates + 1) / 50)
        for _ in range(5 if rising else 20):
            _imitate(model, tokenizer, generator.choices(demonstrations, k=64), optimizer)
            updates += 1
        reached = sampled_accuracy(model, tokenizer, generator.choices(demonstrations, k=256))
        report(updates, reached)
    return WarmStart(reached, updates, time.monotonic() - started)


def _imitate(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    batch: Sequence[Demonstration],
    optimizer: torch.optim.Optimizer,
) -> None:
    """One update on the answers' tokens."""
    model.train()
    prompts = [_encode_prompt(tokenizer, example) for example in batch]
    answers = [[*tokenizer(e.answer)["input_ids"], tokenizer.eos_token_id] for e in batch]
    longest = max(len(p) + len(a) for p, a in zip(prompts, answers, strict=True))
    tokens = torch.full((len(batch), longest), tokenizer.pad_token_id)
    labels = torch.full((len(batch), longest), -100)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        end = len(prompt) + len(answer)
        tokens[row, :end] = torch.tensor(prompt + answer)
        labels[row, len(prompt) : end] = torch.tensor(answer)
    loss = model(tokens, attention_mask=(tokens != tokenizer.pad_token_id), labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


@torch.no_grad()
def sampled_accuracy(
    model: Any, tokenizer: PreTrainedTokenizerFast, examples: Sequence[Demonstration]
) -> float:
    """Share of answers, sampled at temperature 1, that end as a right one does.

    Of several tasks it is the one with the smallest share that counts.
    """
    model.eval()
    prompts = [_encode_prompt(tokenizer, example) for example in examples]
    longest = max(map(len, prompts))
    padded = torch.tensor([[tokenizer.pad_token_id] * (longest - len(p)) + p for p in prompts])
    room = max(len(tokenizer(example.answer)["input_ids"]) for example in examples) + 4
    output = model.generate(
        padded,
        attention_mask=(padded != tokenizer.pad_token_id),
        do_sample=True,
        temperature=1.0,
        top_k=0,
        max_new_tokens=room,
    )
    texts = tokenizer.batch_decode(output[:, longest:], skip_special_tokens=True)
    right: dict[str, list[bool]] = {}
    for text, example in zip(texts, examples, strict=True):
        right.setdefault(example.task, []).append(text.endswith(example.right))
    return min(sum(found) / len(found) for found in right.values())


def _encode_prompt(tokenizer: PreTrainedTokenizerFast, example: Demonstration) -> list[int]:
    messages = [dict(message) for message in example.prompt]
    encoded = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    return list(encoded["input_ids"])
