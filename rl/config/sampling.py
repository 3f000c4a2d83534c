"""Settings of sampling: which groups are trained on, how the policy is sampled, evaluations."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from rl.config.section import NamedSection, Section


class SamplerConfig(Section):
    """Dynamic sampling: sample on until the batch is full of informative groups."""

    prompts_per_step: int = Field(default=128, ge=1)
    """Groups in a training batch (the recipe's 128)."""
    samples_per_prompt: int = Field(default=16, ge=1)
    """Responses a prompt, the group's size (the recipe's 16)."""
    filter: str = "correctness"
    """Which groups are informative. `correctness`: those whose answers are neither all right nor
    all wrong; `reward`: whose rewards differ; `none`: all; `path/to/file.py:Class`: your rule."""
    max_lag: int = Field(default=0, ge=0)
    """Policy versions that a token may be older than the one that trains on it. 0: synchronous,
    nothing is sampled while the policy learns; 1 and more: sampling goes on meanwhile."""
    ahead: float | None = Field(default=None, ge=0)
    """Batches of work in progress, which set the mean lag; none: the smaller of `max_lag` and 2."""
    order: Literal["ready", "dispatch"] = "ready"
    """`ready`: a batch takes the oldest groups that are there and waits for those that `max_lag`
    would lose; `dispatch`: strictly in the order of dispatch, whatever the timing."""
    max_oversampling: float = Field(default=4.0, ge=1)
    """Most groups dispatched ahead, as a multiple of the groups still needed."""
    give_up_after: int | None = Field(default=None, ge=1)
    """Prompts one batch may consume before the run stops; none: 20 times `prompts_per_step`."""

    @model_validator(mode="after")
    def _groups_can_differ(self) -> Self:
        if self.filter in ("correctness", "reward") and self.samples_per_prompt < 2:
            raise ValueError(
                f"a group of one sample is never informative under filter={self.filter}: "
                "set samples_per_prompt to 2 or more, or filter to none"
            )
        return self

    @model_validator(mode="after")
    def _what_is_ahead_can_be_trained(self) -> Self:
        if self.ahead is not None and self.ahead > self.max_lag:
            raise ValueError(
                f"ahead={self.ahead:g} batches of work in progress are too old for max_lag="
                f"{self.max_lag} before they are trained: lower ahead, or raise max_lag"
            )
        return self


class RolloutConfig(Section):
    """How the policy is sampled by vLLM."""

    engines: int = Field(default=1, ge=1)
    """vLLM engines, one Ray actor each."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs over which an engine shares each layer; `tensor_parallel` x `pipeline_parallel` x
    `data_parallel` are those of an engine."""
    pipeline_parallel: int = Field(default=1, ge=1)
    """GPUs over which an engine shares its layers, such as one on each of several nodes."""
    data_parallel: int = Field(default=1, ge=1)
    """Replicas within an engine, for mixtures of experts; several engines do the same for others.
    All of them are on one node."""
    expert_parallel: bool = False
    """Share out experts, in place of each expert's weights, over the GPUs of an engine."""
    max_prompt_tokens: int = Field(default=1024, ge=1)
    """Longer prompts are refused by name before the run starts, tokens."""
    max_response_tokens: int = Field(default=1024, ge=1)
    """Responses are cut here, tokens."""
    temperature: float = Field(default=1.0, gt=0)
    """Sampling temperature; the learner scales its logits by it too."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling mass."""
    top_k: int = Field(default=0, ge=0)
    """Sample from the k likeliest tokens; 0: from all."""
    stop: list[str] = []
    """Texts at which a turn ends."""
    stop_token_ids: list[int] = []
    """Tokens at which a turn ends, beside the model's own."""
    template_arguments: dict[str, Any] = {}
    """Arguments of the chat template, such as `{enable_thinking: false}`."""
    template_file: Path | None = Field(default=None, strict=False)
    """A chat template (Jinja) in place of the model's own."""
    reproducible: bool = True
    """Seed every request, so that a resumed run samples what an uninterrupted one would have;
    costs up to a tenth of the sampling speed."""
    max_concurrency: int = Field(default=1024, ge=1)
    """Sequences an engine decodes at once."""
    own_process: bool | None = None
    """Run vLLM's core in a process of its own beside the actor; null: on GPU hosts only."""
    gpu_memory: float | None = Field(default=None, gt=0, lt=1)
    """Share of a GPU's memory an engine takes (GPU hosts); null: 0.85, or its share of a GPU that
    it has together with the learner, which is half."""
    cpu_cache_gb: int = Field(default=1, ge=1)
    """KV cache of an engine on CPU hosts, GiB."""
    silence: float = Field(default=60.0, gt=0)
    """Seconds without a token, though requests are being decoded, after which an engine is lost."""
    restarts: int = Field(default=3, ge=0)
    """Times an hour that one engine may be lost and started again before the run ends."""
    start_deadline: float = Field(default=900.0, gt=0)
    """Seconds an engine may take to start."""
    spare_after: float | None = Field(default=60.0, ge=0)
    """Seconds of a run after which each node with engines keeps one process more, which has
    imported vLLM and becomes the next engine where one is lost (CPU hosts); null: never."""


class EvaluationConfig(NamedSection):
    """A named set of prompts that is answered beside training."""

    file: str | None = None
    """A .jsonl, .json or .parquet file or a built-in task, in the columns of `data`."""
    size: int | None = Field(default=None, ge=1)
    """Prompts, the first so many; none: all."""
    every: int | None = Field(default=None, ge=0)
    """Steps between evaluations; 0: only before and after; none: `train.eval_every`."""
    samples: int = Field(default=1, ge=1)
    """Answers a prompt."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature; 0 is greedy."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling mass."""
    top_k: int = Field(default=0, ge=0)
    """Sample from the k likeliest tokens; 0: from all."""
    min_p: float = Field(default=0.0, ge=0, le=1)
    """Drop tokens less likely than this share of the likeliest."""
    repetition_penalty: float = Field(default=1.0, gt=0)
    """Above 1 discourages tokens that were there already."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Answers are cut here; none: `rollout.max_response_tokens`."""
    mode: str | None = None
    """The mode of `modes` that all its prompts are asked in; null: as in training."""
    tools: bool = True
    """False: whatever is called is answered with an error, which shows what the tools are worth."""

    @model_validator(mode="after")
    def _samples_can_differ(self) -> Self:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(
                f"{self.samples} greedy answers to a prompt are all the same: set temperature "
                "above 0, or samples to 1"
            )
        return self
