"""The whole of a run, as strict, documented fields; `rl.config_file` reads them from YAML.

Guarantees: every key is known, every value has its type and range, and the result is immutable.
Nothing heavier than pydantic is imported. Defaults are those of section 4.3 of the TeleChat2.5/T1
report where it gives one (marked "the recipe's").
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A group of settings: frozen, and strict about its keys."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


def _spec_alone(value: Any) -> Any:
    """A route that is only a spec, as the section that it stands for."""
    return {"spec": value} if isinstance(value, str) else value


Decay = Annotated[float, Field(ge=0, lt=1)]
"""How much of a running mean is kept at each step."""


class ModelConfig(Section):
    """Which policy is trained."""

    path: str = "builtin:tiny"
    """A Hugging Face model id, a local folder, or `builtin:tiny`: a 0.8M-parameter Qwen3 made on
    the spot and taught the data's own demonstrations (only for built-in data)."""
    dtype: Literal["auto", "bf16", "fp32"] = "auto"
    """Parameter type of policy and engine; auto: bf16 on GPUs, fp32 on CPU hosts."""
    attention: Literal["auto", "sdpa", "flash_attention_2", "eager"] = "auto"
    """The learner's attention; auto: flash_attention_2 where flash-attn is installed, else sdpa."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model's files."""
    warm_start_accuracy: float = Field(default=0.3, gt=0, lt=1)
    """builtin:tiny only: supervised training stops at this sampled accuracy (share correct), which
    every task of the data has to reach."""
    warm_start_lr: float = Field(default=3e-3, gt=0)
    """builtin:tiny only: learning rate of the supervised training, before the accuracy rises."""
    warm_start_mistakes: float = Field(default=0.6, ge=0, lt=1)
    """builtin:tiny only: share of the demonstrations that make a beginner's mistake (digits written
    backwards, parentheses left out), a habit that reinforcement learning then has to break."""


class DataConfig(Section):
    """Which prompts are trained and evaluated on."""

    train: str = "builtin:arithmetic"
    """A .jsonl, .json or .parquet file, or a built-in task such as `builtin:arithmetic?max=99`."""
    eval: str | None = None
    """A separate evaluation file; none: `eval_size` prompts are held out of `train`."""
    eval_size: int | None = Field(default=None, ge=0)
    """Prompts of the evaluation; none: all of `eval`, or 256 held out of `train` (chosen by
    content, never trained on); 0: no evaluation."""
    prompt_column: str = "auto"
    """Column with the prompt: a string, or a list of chat messages."""
    reference_column: str | None = "auto"
    """Column with the reference answer; null: the task needs none."""
    reference_pattern: str | None = "auto"
    """Regular expression whose first group is the reference; auto: what follows `####`, as in
    GSM8K, else the whole column; null: always the whole column."""
    tools_column: str | None = "auto"
    """Column with the tools on offer (a list of declarations, or its JSON text), for the chat
    template and the verifier; auto: `tools`, `functions` or `function`, if it is there."""
    task_column: str | None = "auto"
    """Column with each row's kind of task, by which rewards are routed and metrics are told apart;
    auto: `task`, if it is there."""
    task: str = ""
    """The kind of task of every row; empty: what `task_column` says."""
    system: str | None = None
    """System message put before every prompt."""
    template: str | None = None
    """Text around every prompt's last user message; `{prompt}` stands for it."""
    on_bad: Literal["stop", "skip"] = "stop"
    """What is done about prompts on which no answer could be graded, such as those with tests below
    the verifier's level of trust: `stop` before anything starts, or `skip` them."""
    shuffle: bool = True
    """Shuffle each epoch, by the run's seed."""
    epochs: int | None = Field(default=None, ge=1)
    """Passes over the data; none: as many as `train.steps` need."""


class NamedSection(Section):
    """A section under a name of the user's choice, so that the nearest key is not looked for."""

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, value: Any) -> Any:
        for key in value if isinstance(value, Mapping) else ():
            if key not in cls.model_fields:
                raise ValueError(f"no setting {key!r}; valid here: {', '.join(cls.model_fields)}")
        return value


class RouteConfig(NamedSection):
    """The verifier of one task."""

    spec: str
    """A registered verifier's name, or `path/to/file.py:function`."""
    options: dict[str, Any] = {}
    """What the verifier is given beside the sample."""
    deadline: float | None = Field(default=None, gt=0)
    """Seconds one answer may take to grade; none: `reward.deadline`."""


class TermConfig(NamedSection):
    """Something that is added to the reward, and never changes what is correct."""

    spec: str | None = None
    """A verifier, as in `reward.verifier`; none: the term's own name."""
    weight: float
    """What the term's reward is multiplied by before it is added."""
    options: dict[str, Any] = {}
    """What the verifier is given beside the sample."""
    deadline: float | None = Field(default=None, gt=0)
    """Seconds one answer may take; none: `reward.deadline`."""
    tasks: list[str] = []
    """The tasks whose answers have the term; empty: all."""


class ScaleConfig(Section):
    """An affine map of the main verifier's reward."""

    correct: float = 1.0
    """What a reward of 1 becomes."""
    incorrect: float = 0.0
    """What a reward of 0 becomes."""


class RewardConfig(Section):
    """What an answer is worth."""

    verifier: str = "math"
    """A registered verifier's name, or `path/to/file.py:function`."""
    options: dict[str, Any] = {}
    """What the verifier is given beside the sample, such as `{max_words: 50}`."""
    routes: dict[str, Annotated[RouteConfig, BeforeValidator(_spec_alone)]] = {}
    """Other verifiers by the samples' task, each a spec or `{spec, options, deadline}`; the rest of
    the samples go to `verifier`."""
    terms: dict[str, TermConfig] = {}
    """What is added to the reward, by name: `{spec, weight, options, deadline, tasks}`; ready are
    `format` and `overlong`."""
    scale: ScaleConfig = ScaleConfig()
    """Maps the main verifier's reward, before terms are added."""
    workers: int = Field(default=1, ge=1)
    """Grading subprocesses (a node); one more waits as a spare."""
    nodes: int = Field(default=0, ge=0)
    """Ray actors that grade, each with `workers` subprocesses; 0: grade beside the trainer."""
    deadline: float | None = Field(default=None, gt=0)
    """Seconds one answer may take to grade; none: what its verifier is made for, 600 for `judge`,
    300 for `code`, 10 for `constraints`, 3 for the others that come with Plumb."""
    start_deadline: float = Field(default=120.0, gt=0)
    """Seconds that verifiers may take to start; longer where a judge is served that may."""
    memory_mb: int = Field(default=512, ge=128)
    """Memory cap of one grading subprocess, MiB."""
    concurrency: int = Field(default=64, ge=1)
    """Open calls of async verifiers (a node)."""
    retries: int = Field(default=1, ge=0)
    """Tries after a failure of infrastructure: a worker died, or the verifier said so."""
    max_ungradable: float = Field(default=0.1, ge=0, le=1)
    """Share of a step's answers that may be ungradable, for a cause that is not theirs (a service
    that is away, data at fault), before the run stops."""


class SamplerConfig(Section):
    """Dynamic sampling: sample on until the batch is full of informative groups."""

    prompts_per_step: int = Field(default=128, ge=1)
    """Groups in a training batch (the recipe's 128)."""
    samples_per_prompt: int = Field(default=16, ge=1)
    """Responses a prompt, the group's size (the recipe's 16)."""
    filter: Literal["correctness", "reward", "none"] = "correctness"
    """A group is informative when its answers are neither all right nor all wrong; `reward`: when
    their rewards differ; `none`: always."""
    max_oversampling: float = Field(default=4.0, ge=1)
    """Most groups dispatched ahead, as a multiple of the groups still needed."""
    max_staleness: int = Field(default=2, ge=0)
    """Policy versions a surplus group may wait before it is dropped."""
    give_up_after: int | None = Field(default=None, ge=1)
    """Prompts one batch may consume before the run stops; none: 20 times `prompts_per_step`."""

    @model_validator(mode="after")
    def _groups_can_differ(self) -> "SamplerConfig":
        if self.filter != "none" and self.samples_per_prompt < 2:
            raise ValueError(
                f"a group of one sample is never informative under filter={self.filter}: "
                "set samples_per_prompt to 2 or more, or filter to none"
            )
        return self


class RolloutConfig(Section):
    """How the policy is sampled by vLLM."""

    engines: int = Field(default=1, ge=1)
    """vLLM engines, one Ray actor each."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs an engine."""
    max_prompt_tokens: int = Field(default=1024, ge=1)
    """Longer prompts are refused by name before the run starts, tokens."""
    max_response_tokens: int = Field(default=1024, ge=1)
    """Responses are cut here, tokens."""
    temperature: float = Field(default=1.0, gt=0)
    """Sampling temperature; the learner scales its logits by it too."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling mass; below 1 the logprobs of vLLM and the learner differ."""
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
    deadline: float = Field(default=1800.0, gt=0)
    """Seconds one group may take to generate, from its start on the engine; a group that takes
    longer is left out. Waiting for a place on the engine does not count."""
    start_deadline: float = Field(default=900.0, gt=0)
    """Seconds an engine may take to start."""


class KlConfig(Section):
    """The pull towards the reference model, the policy as it was at the start."""

    coef: float = Field(default=0.0, ge=0)
    """Weight of the KL term; 0 loads no reference model."""
    estimator: Literal["k1", "k2", "k3"] = "k1"
    """Schulman's estimators (joschu.net/blog/kl-approx.html)."""
    placement: Literal["reward", "loss"] = "reward"
    """`reward`: per token, as in REINFORCE++; `loss`: as in GRPO, with k2 or k3."""

    @model_validator(mode="after")
    def _has_a_gradient(self) -> "KlConfig":
        if self.coef > 0 and self.placement == "loss" and self.estimator == "k1":
            raise ValueError(
                "k1 in the loss pulls nowhere, as its gradient is 0 on average: set estimator to "
                "k2 or k3, or placement to reward"
            )
        return self


class LearnerConfig(Section):
    """How the policy is updated."""

    ranks: int = Field(default=1, ge=1)
    """Data-parallel DeepSpeed ranks, one Ray actor each."""
    zero_stage: int = Field(default=1, ge=0, le=3)
    """DeepSpeed ZeRO stage."""
    estimator: Literal["reinforce++", "reinforce++-baseline", "rloo", "grpo", "dr_grpo"] = (
        "reinforce++"
    )
    """Advantage estimator (the recipe's REINFORCE++); see rl/advantages.py."""
    mini_batch_size: int = Field(default=128, ge=1)
    """Samples an optimizer step, over all ranks (the recipe's 128)."""
    micro_batch_tokens: int = Field(default=16384, ge=1)
    """Padded tokens a forward pass may hold on one rank; one longer sample goes alone."""
    epochs: int = Field(default=1, ge=1)
    """Passes over each training batch."""
    lr: float = Field(default=5e-7, gt=0)
    """AdamW's peak learning rate (the recipe's 5e-7)."""
    warmup_steps: int = Field(default=20, ge=0)
    """Linear warm-up, in rollout steps (the recipe's 20); constant afterwards."""
    betas: tuple[Decay, Decay] = Field(default=(0.9, 0.95), strict=False)
    """AdamW's betas."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's weight decay."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are clipped to this norm."""
    clip_low: float = Field(default=0.2, gt=0, lt=1)
    """PPO's lower clip: ratios below 1 - clip_low earn no gradient."""
    clip_high: float = Field(default=0.2, gt=0)
    """PPO's upper clip; above clip_low it is DAPO's clip-higher."""
    loss_aggregation: Literal["token-mean", "sequence-mean", "constant"] = "token-mean"
    """`token-mean`: over all response tokens (DAPO); `sequence-mean`: mean of per-response means
    (GRPO); `constant`: sum over samples x max_response_tokens (Dr. GRPO)."""
    entropy_coef: float = Field(default=0.0, ge=0)
    """Weight of the entropy bonus."""
    kl: KlConfig = KlConfig()
    """The pull towards the reference model."""
    optimizer_offload: bool = False
    """Keep optimizer states in host memory (GPU hosts)."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass, for memory."""
    packing: bool = False
    """Pack samples without padding; without flash-attn a pack's attention, though masked, takes
    time between its samples too."""
    port: int = Field(default=0, ge=0, le=65535)
    """TCP port of the ranks' rendezvous on the first learner's host; 0: any free one."""
    deadline: float = Field(default=3600.0, gt=0)
    """Seconds one update, load or save may take before the learner is given up."""


class SyncConfig(Section):
    """How new weights reach the engines."""

    transport: Literal["auto", "ipc", "broadcast"] = "auto"
    """`ipc`: shared memory (CPU hosts) or CUDA IPC (same GPU); `broadcast`: gloo or NCCL; auto
    takes ipc where learner and engines share a device."""
    bucket_mb: int = Field(default=256, ge=1)
    """Size of one flattened bucket, MiB."""
    verify: bool = False
    """Compare a checksum of every bucket at both ends."""
    deadline: float = Field(default=600.0, gt=0)
    """Seconds one sync may take."""


class TrainConfig(Section):
    """How long to train, and what to keep."""

    steps: int = Field(default=200, ge=1)
    """Training steps (rollout batches)."""
    eval_every: int = Field(default=20, ge=0)
    """Steps between evaluations; 0: only before and after."""
    eval_samples: int = Field(default=1, ge=1)
    """Answers a held-out prompt; 1 is greedy, more are sampled at `eval_temperature`."""
    eval_temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature of evaluations; 0 is greedy."""
    checkpoint_every: int = Field(default=20, ge=0)
    """Steps between checkpoints; 0: only at the end."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Newest checkpoints kept."""
    log_rollouts_every: int = Field(default=1, ge=0)
    """Steps between parquet files of every sampled answer; 0: none."""
    export: bool = True
    """Write the trained model in Hugging Face format to RUN_DIR/model at the end."""

    @model_validator(mode="after")
    def _samples_can_differ(self) -> "TrainConfig":
        if self.eval_samples > 1 and self.eval_temperature == 0:
            raise ValueError(
                f"eval_samples={self.eval_samples} greedy answers to a prompt are all the same: "
                "set eval_temperature above 0, or eval_samples to 1"
            )
        return self


class ClusterConfig(Section):
    """What the run asks of Ray."""

    address: str | None = None
    """Address of a running Ray cluster; none: RAY_ADDRESS, else a local one is started."""
    start_deadline: float = Field(default=300.0, gt=0)
    """Seconds within which the cluster has to place every engine and learner rank."""


class RunConfig(Section):
    """A run."""

    run_dir: Path = Field(default=Path("runs/run"), strict=False)
    """Where the run writes; on a cluster, a folder that every learner host can reach."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of everything that is drawn."""
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    reward: RewardConfig = RewardConfig()
    sampler: SamplerConfig = SamplerConfig()
    rollout: RolloutConfig = RolloutConfig()
    learner: LearnerConfig = LearnerConfig()
    sync: SyncConfig = SyncConfig()
    train: TrainConfig = TrainConfig()
    cluster: ClusterConfig = ClusterConfig()
