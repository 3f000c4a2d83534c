"""The whole of a run's settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from rl.config.agent import AgentConfig
from rl.config.episodes import EnvConfig, EpisodeConfig, spec_alone
from rl.config.guards import GuardsConfig
from rl.config.learning import LearnerConfig, SyncConfig
from rl.config.modes import ModeConfig, faults, with_checks
from rl.config.placement import PlacementConfig
from rl.config.prompts import DataConfig, ModelConfig
from rl.config.reward import RewardConfig
from rl.config.sampling import EvaluationConfig, RolloutConfig, SamplerConfig
from rl.config.section import Section
from rl.config.trackers import TrackersConfig


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
    evaluation_pause: bool = True
    """Where sampling goes on while the policy learns, and no engine can be spared for an
    evaluation: hold the next weight update until it is done. false: its answers may be of several
    versions, which its metrics then say."""
    checkpoint_every: int = Field(default=20, ge=0)
    """Steps between checkpoints; 0: only at the end."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Newest checkpoints kept."""
    keep_best: int = Field(default=1, ge=0)
    """Checkpoints kept beside them for their evaluation: those of the highest accuracy."""
    best_by: str = "held_out"
    """The evaluation set that says which are best."""
    checkpoint_async: bool = True
    """Write checkpoints beside training, which then waits only for a copy of the learner's state to
    host memory; it takes as much of that on each learner host."""
    log_rollouts_every: int = Field(default=1, ge=0)
    """Steps between parquet files of every sampled answer; 0: none."""
    watchdog: float | None = Field(default=None, gt=0)
    """Seconds in which something has to move (a token, a grade, a step), or the run stops, with
    what every process does in RUN_DIR/watchdog.txt; none: 900 beyond the longest deadline."""
    export: bool = True
    """Write the trained model in Hugging Face format to RUN_DIR/model at the end."""
    export_every: int = Field(default=0, ge=0)
    """Steps between models in Hugging Face format in RUN_DIR/models/step_000020, which stay; 0:
    none."""

    @model_validator(mode="after")
    def _samples_can_differ(self) -> Self:
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
    head_silence: float = Field(default=20.0, gt=0)
    """Seconds for which Ray's head may be away before the run saves its last step and stops."""
    max_learner_restarts: int = Field(default=3, ge=0)
    """Times an hour that the learner may be lost and started again from the newest checkpoint
    before the run ends."""
    max_command_restarts: int = Field(default=3, ge=0)
    """Times an hour that `--retry` starts the command's process again which died in a Ray job."""


class RunConfig(Section):
    """A run."""

    run_dir: Path = Field(default=Path("runs/run"), strict=False)
    """Where the run writes; on a cluster, a folder that every learner host can reach."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of everything that is drawn."""
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    modes: dict[str, ModeConfig] = {}
    """Reasoning modes by name: each prompt is asked in one, which its row or its source names, or
    which is drawn by `share`; none: all are asked as they are."""
    reward: RewardConfig = RewardConfig()
    sampler: SamplerConfig = SamplerConfig()
    rollout: RolloutConfig = RolloutConfig()
    learner: LearnerConfig = LearnerConfig()
    sync: SyncConfig = SyncConfig()
    placement: PlacementConfig = PlacementConfig()
    env: Annotated[EnvConfig | None, BeforeValidator(spec_alone)] = None
    """What answers the policy: a spec such as `calculator` or `path/to/file.py:Class`, or `{spec,
    options}`; none: one turn."""
    agent: AgentConfig | None = None
    """A program that asks the policy by itself, in place of `env`; none: there is none."""
    episode: EpisodeConfig = EpisodeConfig()
    evaluation: dict[str, EvaluationConfig] = {}
    """Sets by name, beside the set `held_out` of `data.eval` and `train.eval_*`."""
    guards: GuardsConfig = GuardsConfig()
    """Thresholds at which the run warns or stops, beside `sync.canary`."""
    train: TrainConfig = TrainConfig()
    trackers: TrackersConfig = TrackersConfig()
    cluster: ClusterConfig = ClusterConfig()

    @model_validator(mode="before")
    @classmethod
    def _modes_are_checked(cls, value: Any) -> Any:
        return with_checks(value) if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _modes_are_known(self) -> Self:
        named = {f"data.sources.{name}.mode": one.mode for name, one in self.data.sources.items()}
        named |= {f"evaluation.{name}.mode": one.mode for name, one in self.evaluation.items()}
        if found := faults(self.modes, {"data.mode": self.data.mode, **named}):
            raise ValueError("; ".join(found))
        return self

    @model_validator(mode="after")
    def _what_sleeps_keeps_no_cache(self) -> Self:
        sleeps = self.placement.layout == "colocated" and self.placement.sleep is not False
        if sleeps and self.sync.kv == "keep":
            raise ValueError(
                "sync.kv=keep needs the KV cache that engines lose as they sleep: set sync.kv to "
                "recompute, or placement.sleep to false"
            )
        return self

    @model_validator(mode="after")
    def _one_answers_the_policy(self) -> Self:
        if self.agent is not None and self.env is not None:
            raise ValueError("env and agent both say what answers the policy: leave one out")
        return self

    @model_validator(mode="after")
    def _best_is_measured(self) -> Self:
        known = {"held_out", *self.evaluation}
        if self.train.keep_best and self.train.best_by not in known:
            raise ValueError(
                f"train.best_by={self.train.best_by!r} is no evaluation set: name one of "
                f"{', '.join(sorted(known))}"
            )
        return self

    @model_validator(mode="after")
    def _schedule_has_steps_to_fall(self) -> Self:
        learner, steps = self.learner, self.train.steps
        falls = learner.decay_steps or 1 if learner.schedule == "wsd" else 1
        if learner.schedule != "constant" and learner.warmup_steps + falls > steps:
            raise ValueError(
                f"learner.schedule={learner.schedule} has {learner.warmup_steps} steps of warm-up "
                f"and at least {falls} to fall, and train.steps={steps} is fewer: lower "
                "learner.warmup_steps or learner.decay_steps, or raise train.steps"
            )
        return self
