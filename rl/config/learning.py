"""Settings of the learner, and of how new weights reach the engines."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rl.config.lora import LoraConfig
from rl.config.section import Section

Decay = Annotated[float, Field(ge=0, lt=1)]
"""How much of a running mean is kept at each step."""


class KlConfig(Section):
    """The pull towards the reference model, the policy as it was at the start."""

    coef: float = Field(default=0.0, ge=0)
    """Weight of the KL term; 0 loads no reference model."""
    estimator: Literal["k1", "k2", "k3"] = "k1"
    """Schulman's estimators (joschu.net/blog/kl-approx.html)."""
    placement: Literal["reward", "loss"] = "reward"
    """`reward`: per token, as in REINFORCE++; `loss`: as in GRPO, with the unbiased gradient of the
    reverse KL under every estimator."""


class CorrectionConfig(Section):
    """Importance weights of tokens sampled by another policy; formulas: rl/learn/correction.py."""

    kind: Literal["tis", "icepop", "sequence", "dppo", "bypass", "none"] = "tis"
    """`tis`: truncated at `cap`; `icepop`: 0 outside `low` to `high`; `sequence`: the same by the
    answer's geometric mean; `dppo`: drops tokens whose probability moved by more than `threshold`
    in their advantage's direction; `bypass`: the engine's logprobs are the old ones; `none`."""
    cap: float = Field(default=2.0, ge=1)
    """Largest weight under `tis` and `dppo`."""
    low: float = Field(default=0.5, ge=0, le=1)
    """Smallest ratio kept under `icepop` and `sequence`."""
    high: float = Field(default=5.0, ge=1)
    """Largest ratio kept under `icepop` and `sequence`."""
    threshold: float = Field(default=0.2, gt=0, le=1)
    """Change of a token's probability under `dppo`."""

    @model_validator(mode="after")
    def _low_is_below_high(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low={self.low:g} must be below high={self.high:g}")
        return self


class LearnerConfig(Section):
    """How the policy is updated."""

    ranks: int = Field(default=1, ge=1)
    """DeepSpeed ranks, one Ray actor each; a rank has its own samples, or with `sequence_parallel`
    its slice of some."""
    zero_stage: int = Field(default=1, ge=0, le=3)
    """DeepSpeed ZeRO stage. From 1 on, gradients of a bf16 model are added up in float32."""
    estimator: Literal["reinforce++", "reinforce++-baseline", "rloo", "grpo", "dr_grpo"] = (
        "reinforce++"
    )
    """Advantage estimator (the recipe's REINFORCE++); see rl/learn/advantages.py."""
    mini_batch_size: int = Field(default=128, ge=1)
    """Samples an optimizer step, over all ranks (the recipe's 128)."""
    micro_batch_tokens: int = Field(default=16384, ge=1)
    """Tokens a forward pass may hold on one rank (without `packing` padding counts); one longer
    sample goes alone."""
    epochs: int = Field(default=1, ge=1)
    """Passes over each training batch."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`muon`: DeepSpeed's Muon for the matrices of hidden layers, AdamW for the rest. What Muon
    applies is orthogonal and is not clipped; `grad_norm` is then of that."""
    lr: float = Field(default=5e-7, gt=0)
    """AdamW's peak learning rate (the recipe's 5e-7)."""
    muon_lr: float = Field(default=1e-4, gt=0)
    """Muon's peak learning rate: the spectral norm of an update of a square matrix."""
    muon_momentum: Decay = 0.95
    """Muon's momentum."""
    schedule: Literal["constant", "cosine", "linear", "wsd"] = "constant"
    """The learning rate after the warm-up: rl/learn/schedule.py (the recipe's is constant)."""
    warmup_steps: int = Field(default=20, ge=0)
    """Linear warm-up, in rollout steps (the recipe's 20)."""
    decay_steps: int | None = Field(default=None, ge=1)
    """Rollout steps at the end over which `wsd` falls; none: a fifth of `train.steps`."""
    min_lr_ratio: float = Field(default=0.1, ge=0, le=1)
    """What a schedule falls to, as a share of the peak."""
    betas: tuple[Decay, Decay] = Field(default=(0.9, 0.95), strict=False)
    """AdamW's betas."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Weight decay, apart from the gradient (AdamW's)."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are clipped to this norm (`adamw`)."""
    ema: float | None = Field(default=None, gt=0, lt=1)
    """Keep a running mean of the weights, of which so much is kept at each policy version: part of
    checkpoints, exported to RUN_DIR/model_ema; none: no mean."""
    lora: LoraConfig = LoraConfig()
    """Adapters in place of all weights."""
    clip_low: float = Field(default=0.2, gt=0, lt=1)
    """PPO's lower clip: ratios below 1 - clip_low earn no gradient."""
    clip_high: float = Field(default=0.2, gt=0)
    """PPO's upper clip; above clip_low it is DAPO's clip-higher."""
    loss: Literal["ppo", "gspo", "cispo", "gmpo"] = "ppo"
    """The surrogate: see rl/learn/losses.py."""
    dual_clip: float | None = Field(default=None, gt=1)
    """Bounds the ratio of `ppo` where the advantage is negative (dual-clip PPO, often 3); none: no
    bound."""
    mask_truncated: bool = False
    """Give answers that were cut at their limit no gradient; they stay in the baseline."""
    correction: CorrectionConfig = CorrectionConfig()
    """For tokens that another policy than the learner's sampled."""
    loss_aggregation: Literal["token-mean", "sequence-mean", "constant"] = "token-mean"
    """`token-mean`: over all response tokens (DAPO); `sequence-mean`: mean of per-response means
    (GRPO), and always that of `gspo` and `gmpo`; `constant`: sum over samples x max_response_tokens
    (Dr. GRPO)."""
    entropy_coef: float = Field(default=0.0, ge=0)
    """Weight of the entropy bonus."""
    kl: KlConfig = KlConfig()
    """The pull towards the reference model."""
    optimizer_offload: bool = False
    """Keep optimizer states in host memory, and update there (`zero_stage` 1 to 3)."""
    param_offload: bool = False
    """Keep weights in host memory too, apart from those in use (`zero_stage` 3)."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass, for memory."""
    packing: bool = True
    """Lay samples end to end, without padding; they do not see each other. false: for networks that
    keep a state along the sequence, where they would."""
    head_chunk: int = Field(default=1024, ge=1)
    """Tokens whose logits exist at one time; each takes 4 bytes a word of the vocabulary, some
    three times."""
    sequence_parallel: int = Field(default=1, ge=1)
    """Ranks that share each sample, a slice of its tokens each, for samples too long for one GPU; a
    divisor of `ranks`, and for `ulysses` of the attention heads."""
    sequence_parallel_by: Literal["ulysses", "ring"] = "ulysses"
    """`ulysses`: a rank attends with a part of the heads; `ring`: ranks hand keys and values on, by
    OpenRLHF (GPUs; needs flash-attn and ring-flash-attn)."""
    port: int = Field(default=0, ge=0, le=65535)
    """TCP port of the ranks' rendezvous on the first learner's host; 0: any free one."""
    deadline: float = Field(default=3600.0, gt=0)
    """Seconds one update, load or save may take before the learner is given up."""

    @property
    def data_ranks(self) -> int:
        """How many shares a batch is cut into."""
        return self.ranks // self.sequence_parallel

    @model_validator(mode="after")
    def _ranks_can_share(self) -> Self:
        if self.ranks % self.sequence_parallel:
            raise ValueError(
                f"sequence_parallel={self.sequence_parallel} must divide ranks={self.ranks}"
            )
        if self.sequence_parallel > 1 and not self.packing:
            raise ValueError("sequence_parallel needs packing=true")
        return self

    @model_validator(mode="after")
    def _optimizers_are_deepspeeds(self) -> Self:
        if self.optimizer == "muon" and self.zero_stage not in (1, 2):
            raise ValueError(
                "optimizer=muon needs zero_stage 1 or 2: DeepSpeed's Muon is plain gradient "
                "descent at 0, and orthogonalises each micro-batch by itself at 3"
            )
        if self.optimizer == "muon" and self.optimizer_offload:
            raise ValueError("optimizer=muon cannot be offloaded: set optimizer_offload to false")
        if self.optimizer == "muon" and self.lora.on:
            raise ValueError(
                "optimizer=muon is for whole matrices, not for the factors of adapters: set "
                "optimizer to adamw, or lora.rank to 0"
            )
        return self

    @model_validator(mode="after")
    def _zero_can_offload(self) -> Self:
        if self.optimizer_offload and self.zero_stage == 0:
            raise ValueError("optimizer_offload needs zero_stage 1 or more")
        if self.param_offload and self.zero_stage != 3:
            raise ValueError("param_offload needs zero_stage=3, which alone shards weights")
        if self.lora.quantize != "none" and self.zero_stage == 3:
            raise ValueError(
                "lora.quantize=nf4 needs zero_stage 2 or less: a base of 4 bits is not sharded"
            )
        return self


class CanaryConfig(Section):
    """A fixed prompt whose logprobs engines and learner are compared by."""

    every: int = Field(default=1, ge=0)
    """Weight updates between two looks; 0: only at the start."""
    warn: float = Field(default=0.05, gt=0)
    """Mean |gap|, nats a token, from which a line says so."""
    stop: float = Field(default=0.5, gt=0)
    """Mean |gap|, nats a token, from which the run stops: the engines hold other weights."""


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
    kv: Literal["recompute", "keep"] = "recompute"
    """What half-done answers go on with after an update: `recompute` prefills them with the new
    weights, so that every later logprob is that of one policy; `keep` costs nothing, and samples
    from neither."""
    canary: CanaryConfig = CanaryConfig()
    """Whether engines hold the learner's weights."""
