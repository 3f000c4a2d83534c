"""The whole of a run, as strict, documented fields; `rl.config_file` reads them from YAML.

Guarantees: every key is known, every value has its type and range, and the result is immutable.
Nothing heavier than pydantic is imported. Defaults are those of section 4.3 of the TeleChat2.5/T1
report where it gives one (marked "the recipe's").
"""

from rl.config.agent import AgentConfig
from rl.config.episodes import EnvConfig, EpisodeConfig
from rl.config.guards import GuardsConfig
from rl.config.learning import CanaryConfig, CorrectionConfig, KlConfig, LearnerConfig, SyncConfig
from rl.config.lora import LoraConfig
from rl.config.modes import ChecksConfig, ModeConfig
from rl.config.placement import PlacementConfig
from rl.config.prompts import (
    AdaptiveConfig,
    CurriculumConfig,
    DataConfig,
    ModelConfig,
    ReadingConfig,
    SourceConfig,
)
from rl.config.reward import RewardConfig, RouteConfig, ScaleConfig, TermConfig
from rl.config.run import ClusterConfig, RunConfig, TrainConfig
from rl.config.sampling import EvaluationConfig, RolloutConfig, SamplerConfig
from rl.config.section import NamedSection, Section
from rl.config.trackers import MlflowConfig, TrackersConfig, TrackioConfig, WandbConfig

__all__ = [
    "AdaptiveConfig",
    "AgentConfig",
    "CanaryConfig",
    "ChecksConfig",
    "ClusterConfig",
    "CorrectionConfig",
    "CurriculumConfig",
    "DataConfig",
    "EnvConfig",
    "EpisodeConfig",
    "EvaluationConfig",
    "GuardsConfig",
    "KlConfig",
    "LearnerConfig",
    "LoraConfig",
    "MlflowConfig",
    "ModeConfig",
    "ModelConfig",
    "NamedSection",
    "PlacementConfig",
    "ReadingConfig",
    "RewardConfig",
    "RolloutConfig",
    "RouteConfig",
    "RunConfig",
    "SamplerConfig",
    "ScaleConfig",
    "Section",
    "SourceConfig",
    "SyncConfig",
    "TermConfig",
    "TrackersConfig",
    "TrackioConfig",
    "TrainConfig",
    "WandbConfig",
]
