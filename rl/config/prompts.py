"""Settings of the model and of the data."""

from typing import Literal

from pydantic import Field

from rl.config.section import Section


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
