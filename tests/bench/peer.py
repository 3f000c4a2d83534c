"""Bare peers of a step's learning and weight sync: the same model in this process.

Imports torch, so that it is imported itself only when the start has been measured.
"""

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from rl.config import RunConfig
from rl.hardware import Hardware
from rl.learn.shares import Share
from rl.tokens import TokenBatch


class BarePeer:
    """The same model in this process: PyTorch alone, no DeepSpeed, Ray or OpenRLHF.

    On a CPU it computes with as many threads as the learner.
    """

    def __init__(self, config: RunConfig, hardware: Hardware) -> None:
        disable_progress_bar()
        torch.set_num_threads(hardware.cores)
        learner = config.learner
        self._max_norm = learner.max_grad_norm
        self._device = torch.device(hardware.torch_device)
        bf16 = hardware.dtype(config.model.dtype) == "bf16"
        network = AutoModelForCausalLM.from_pretrained(
            config.model.path,
            dtype=torch.bfloat16 if bf16 else torch.float32,
            attn_implementation=config.model.attention,
        )
        self._model = network.to(self._device).train()
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(),
            lr=learner.lr,
            betas=learner.betas,
            weight_decay=learner.weight_decay,
        )
        weights = [weight.detach() for weight in self._model.parameters()]
        self._copies = [(weight, torch.empty_like(weight)) for weight in weights]

    def learn(self, shares: Sequence[Share]) -> float:
        """Seconds of forward, backward, clipping and AdamW on the learner's micro-batches."""
        updates = []
        for mini_batch, *others in zip(*(share.mini_batches for share in shares), strict=True):
            passes = zip(shares, (mini_batch, *others), strict=True)
            padded = [self._pad(s.tokens, rows) for s, own in passes for rows in own.passes if rows]
            updates.append((padded, mini_batch.tokens))

        def update() -> None:
            for padded, count in updates:
                for tokens, attention, advantages in padded:
                    logits = self._model(tokens, attention_mask=attention, use_cache=False).logits
                    logprobs = torch.log_softmax(logits[:, :-1].float(), dim=-1)
                    chosen = logprobs.gather(-1, tokens[:, 1:, None]).squeeze(-1)
                    (-(chosen * advantages).sum() / count).backward()
                torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._max_norm)
                self._optimizer.step()
                self._optimizer.zero_grad()

        return self._timed(update)

    def copy_weights(self) -> float:
        """Seconds to copy every weight out and back in: what a sync must move."""

        def copy() -> None:
            for weight, buffer in self._copies:
                buffer.copy_(weight)
            for weight, buffer in self._copies:
                weight.copy_(buffer)

        return self._timed(copy)

    def _pad(self, batch: TokenBatch, rows: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Right-padded tokens and mask (rows, longest); advantages (rows, longest - 1)."""
        spans = [slice(int(batch.starts[row]), int(batch.starts[row + 1])) for row in rows]
        longest = max(span.stop - span.start for span in spans)
        tokens = torch.zeros(len(rows), longest, dtype=torch.long)
        attention = torch.zeros(len(rows), longest, dtype=torch.long)
        advantages = torch.zeros(len(rows), longest - 1)
        for place, (row, span) in enumerate(zip(rows, spans, strict=True)):
            length = span.stop - span.start
            tokens[place, :length] = torch.from_numpy(batch.ids[span].astype("int64"))
            attention[place, :length] = 1
            trained = torch.from_numpy(batch.mask[span][1:].astype("float32"))
            advantages[place, : length - 1] = trained * float(2 * batch.rewards[row] - 1)
        return tokens.to(self._device), attention.to(self._device), advantages.to(self._device)

    def _timed(self, work: Callable[[], None]) -> float:
        self._wait()
        started = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - started

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()
