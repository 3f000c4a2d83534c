"""Log-probabilities of the whole distribution where a part of it is sampled from.

With top_p or top_k vLLM's processed log-probabilities are those of the tokens that were left, and a
learner, which knows nothing of what was cut, cannot recompute them: its ratio to them would be the
mass that was left, at every token. Here they are taken after the temperature and before the cut.
vLLM's `return_sampling_mask` would tell which tokens were left, not what mass they had; it needs
its second model runner, which no CPU has, and a top_k.
"""

from typing import Any

from torch import Tensor, nn


class WholeLogprobs:
    """A base of Plumb's classes of vLLM workers; the method is called by `collective_rpc`."""

    model_runner: Any

    def plumb_keep_whole_logprobs(self) -> None:
        """From now on, log-probabilities are those before top_p and top_k cut anything."""
        sampler = self.model_runner.sampler
        if hasattr(sampler, "topk_topp_sampler"):
            sampler.topk_topp_sampler = _Whole(sampler.topk_topp_sampler)
        else:
            keep_whole(sampler)


class _Whole(nn.Module):
    """The last step of vLLM's first sampler: cut, and sample."""

    def __init__(self, cut: Any) -> None:
        super().__init__()
        self._cut = cut

    def forward(
        self, logits: Tensor, generators: Any, k: Tensor | None, p: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Logits (requests, vocabulary) after the temperature."""
        whole = logits.log_softmax(dim=-1, dtype=logits.dtype)  # before the cut, which is in place
        sampled, _ = self._cut(logits, generators, k, p)
        return sampled, whole


def keep_whole(sampler: Any) -> None:
    """The same for the sampler of vLLM's second model runner, on GPUs.

    It normalises the logits that `sample` returns beside the tokens.
    """
    cut_and_sample, process = sampler.sample, sampler.apply_sampling_params

    def sample(logits: Tensor, *arguments: Any, **options: Any) -> tuple[Tensor, Tensor]:
        sampled, _ = cut_and_sample(logits, *arguments, **options)
        return sampled, process(logits, *arguments, skip_top_k_top_p=True)

    sampler.sample = sample
