"""Settings of the model and of the data."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from rl.config.section import NamedSection, Section


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


class ReadingConfig(Section):
    """How the rows of a file become prompts."""

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
    mode: str | None = None
    """The mode of `modes` that its prompts are asked in; null: each row's own, or one by share."""
    mode_column: str | None = "mode"
    """Column with the mode of a row, where there are `modes`; rows without it have one by share."""

    @property
    def columns(self) -> dict[str, Any]:
        """Which columns hold what, as `data.sources.load_prompts` takes them."""
        names = ("prompt_column", "reference_column", "reference_pattern", "tools_column")
        return {name: getattr(self, name) for name in (*names, "task_column", "task")}


class SourceConfig(ReadingConfig, NamedSection):
    """One of several files that are trained on together; columns and wording that it does not say
    are those of `data`."""

    file: str
    """A .jsonl, .json or .parquet file, a folder of records, or a built-in task."""
    weight: float = Field(default=1.0, gt=0)
    """Its share of the prompts, beside the weights of the others."""
    limit: int | None = Field(default=None, ge=1)
    """Rows that are read, the first so many; none: all."""


class CurriculumConfig(Section):
    """The order `curriculum`: from easy to hard, by the pass rates that the data has."""

    start: float = Field(default=0.25, gt=0, le=1)
    """Share of the prompts, the easiest, that is open at first."""
    until: float = Field(default=0.75, ge=0, le=1)
    """Share of `train.steps` after which all are open."""


class AdaptiveConfig(Section):
    """The order `adaptive`: by p(1 - p), p being the policy's pass rate on a prompt now."""

    floor: float = Field(default=0.1, gt=0, le=1)
    """Share of the prompts that walks through the data evenly, so that nothing starves."""
    half_life: float = Field(default=10.0, gt=0)
    """Batches after which an answer weighs half in what is known of a prompt."""


class DataConfig(ReadingConfig):
    """Which prompts are trained and evaluated on."""

    train: str | None = "builtin:arithmetic"
    """A .jsonl, .json or .parquet file, a folder of records, or a built-in task such as
    `builtin:arithmetic?max=99`; null where there are `sources`."""
    sources: dict[str, SourceConfig] = {}
    """Several in place of `train`, by name, each a file or `{file, weight, limit, task, template,
    ...}`: `{math: math.parquet, code: {file: code, weight: 2}}`. Shares by weight are exact."""
    eval: str | None = None
    """A separate evaluation file; none: `eval_size` prompts are held out of what is trained on."""
    eval_size: int | None = Field(default=None, ge=0)
    """Prompts of the evaluation; none: all of `eval`, or 256 held out of what is trained on (chosen
    by content, never trained on); 0: no evaluation."""
    on_bad: Literal["stop", "skip"] = "stop"
    """What is done about prompts on which no answer could be graded, such as those with tests below
    the verifier's level of trust: `stop` before anything starts, or `skip` them."""
    shuffle: bool = True
    """Shuffle each epoch, by the run's seed."""
    epochs: int | None = Field(default=None, ge=1)
    """Passes over the data, of each source; none: as many as `train.steps` need. A source that has
    run out leaves its share to the others."""
    order: Literal["uniform", "curriculum", "adaptive"] = "uniform"
    """In which prompts come, of each source. `uniform`: each once an epoch; `curriculum`: from easy
    to hard by their `pass_rate`; `adaptive`: more often those on which the policy is neither sure
    nor hopeless, by the run's own answers. In the last two an epoch is as many prompts as there
    are, some of them more than once."""
    curriculum: CurriculumConfig = CurriculumConfig()
    adaptive: AdaptiveConfig = AdaptiveConfig()

    @model_validator(mode="before")
    @classmethod
    def _sources_are_read_as_data_is(cls, value: Any) -> Any:
        sources = value.get("sources") if isinstance(value, Mapping) else None
        if not isinstance(sources, Mapping) or not sources:
            return value
        shared = {name: value[name] for name in ReadingConfig.model_fields if name in value}
        named = {
            name: {**shared, **({"file": one} if isinstance(one, str) else one)}
            if isinstance(one, str | Mapping)
            else one
            for name, one in sources.items()
        }
        return {"train": None, **value, "sources": named}

    @model_validator(mode="after")
    def _trains_on_one_file_or_on_named_ones(self) -> Self:
        if self.sources and self.train is not None:
            raise ValueError(
                f"train={self.train} and sources both say what is trained on: leave one of them out"
            )
        if not self.sources and self.train is None:
            raise ValueError("train is null and there are no sources: name a file to train on")
        for name in self.sources:
            if not re.fullmatch(r"[\w-][\w.-]*", name):
                raise ValueError(
                    f"sources: {name!r} is no name: use letters, digits, -, _ and dots within"
                )
        return self

    @property
    def training(self) -> Mapping[str, SourceConfig]:
        """What is trained on, by name; a single file has the name ``."""
        if self.train is None:
            return self.sources
        shared = {name: getattr(self, name) for name in ReadingConfig.model_fields}
        return {"": SourceConfig(file=self.train, **shared)}

    @property
    def trains_on(self) -> str:
        """What is trained on, as messages name it."""
        if self.train is not None:
            return f"data.train={self.train}"
        return f"data.sources ({', '.join(one.file for one in self.sources.values())})"
