"""A `Sampling` in vLLM's words, and vLLM's answer in the loop's."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rewards.thinking import MARKS
from rl.errors import EngineError
from rl.tokens import Floats, Ids, Sampling, Span, Stop

ENDINGS: dict[str, Stop] = {"stop": "stop", "length": "length"}


def parameters(how: Sampling) -> Any:
    """vLLM's `SamplingParams`."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=how.temperature,
        top_p=how.top_p,
        top_k=how.top_k,
        min_p=how.min_p,
        repetition_penalty=how.repetition_penalty,
        seed=how.seed,
        stop=list(how.stop),
        stop_token_ids=list(how.stop_token_ids),
        max_tokens=how.max_tokens,
        logprobs=0,
        flat_logprobs=True,
        detokenize=bool(how.stop),  # vLLM looks for texts in text, for tokens without it
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def canary_parameters() -> Any:
    """For the log-probabilities of a prompt's own tokens."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=0.0,
        max_tokens=1,
        prompt_logprobs=0,
        flat_logprobs=True,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def answer_of(output: Any) -> tuple[Ids, Floats, Stop]:
    """Tokens, their log-probabilities (nats), and why it ended, of a `RequestOutput`.

    Raises:
        EngineError: vLLM ended it for a reason of its own.
    """
    answer = output.outputs[0]
    stop = ENDINGS.get(answer.finish_reason)
    if stop is None:
        raise EngineError(f"vLLM ended a request with {answer.finish_reason!r}")
    ids = np.array(answer.token_ids, np.int32)
    return ids, np.array(answer.logprobs.logprobs, np.float32), stop


def cached_tokens(output: Any) -> int | None:
    """Tokens of a request's context that the prefix cache held; None: vLLM does not say."""
    cached: int | None = getattr(output, "num_cached_tokens", None)
    return None if cached is None or cached < 0 else cached


def prompt_logprobs(output: Any) -> Floats:
    """(tokens - 1,): the log-probability of each token of the prompt but the first, nats."""
    return np.array(output.prompt_logprobs.logprobs, np.float32)


class Spans:
    """Which version of the policy made which of a request's tokens."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._tokens = 0

    def note(self, tokens: int, version: int) -> None:
        """The request has so many tokens by now, the newest of them by this version."""
        new, self._tokens = tokens - self._tokens, tokens
        if new and self._spans and self._spans[-1].version == version:
            new += self._spans.pop().tokens
        if new:
            self._spans.append(Span(new, version))

    def __call__(self) -> tuple[Span, ...]:
        """All that was noted."""
        return tuple(self._spans)


class Decoder:
    """Token ids to text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.all_special_ids)
        tokens = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
        self._marks = frozenset(number for number, token in tokens if token in MARKS)

    def __call__(self, token_ids: Sequence[int], *, keep_special: bool) -> str:
        """The text of an answer without special tokens.

        Where special tokens are kept, or where the answer marks its thinking with them, only those
        at its end are left out: some models mark their calls with special tokens too.
        """
        kept = list(token_ids)
        while kept and kept[-1] in self._special:
            kept.pop()
        marked = keep_special or not self._marks.isdisjoint(kept)
        text: str = self._tokenizer.decode(kept, skip_special_tokens=not marked)
        return text
