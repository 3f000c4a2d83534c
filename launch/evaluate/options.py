"""What the command line says of an evaluation; None and empty: it says nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launch.verify.uses import TaskOptions


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """By the names of `EvaluationConfig`."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """Those that were given."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ServedOptions:
    """Of an endpoint.

    Attributes:
        model: its name there; None: the only one.
        key_env: the environment variable with the API key.
        concurrency: requests that are open at once.
        timeout: seconds for one request.
    """

    model: str | None = None
    key_env: str | None = None
    concurrency: int | None = None
    timeout: float | None = None

    @property
    def given(self) -> list[str]:
        """The flags that were given."""
        named = {
            "--served-model": self.model,
            "--key-env": self.key_env,
            "--concurrency": self.concurrency,
            "--timeout": self.timeout,
        }
        return [flag for flag, value in named.items() if value is not None]


@dataclass(frozen=True, slots=True)
class Options:
    """All of `plumb eval`.

    Attributes:
        target: a model's folder or hub id, a run's folder, or an endpoint's URL.
        sets: NAME=FILE.
        formats: NAME=FORMAT.
        answers: K, or NAME=K.
        limit: prompts of each set.
        out: the folder of the results.
        config: a run's config, for its verifiers, wording and sets.
        overrides: further settings, as `plumb train` takes them.
        preset: of `launch.evaluate.presets`.
        thinking: whether the model is to think.
        mode: the reasoning mode of all prompts; None: as the settings say.
        sampling: in place of the preset's.
        max_prompt_tokens: longer prompts are left out.
        system: before each prompt that has no system message.
        template: around problems.
        verifier: for all sets.
        tasks: sandbox, judge and the like.
        select: what chooses the best of the answers to a prompt.
        engines: how many.
        workers: grading processes.
        seed: of all that is drawn.
        served: of an endpoint.
        overwrite: forget answers that are there.
        regrade: forget verdicts and scores alone.
    """

    target: str
    sets: Sequence[str] = ()
    formats: Sequence[str] = ()
    answers: Sequence[str] = ()
    limit: int | None = None
    out: Path | None = None
    config: Path | None = None
    overrides: Sequence[str] = ()
    preset: str | None = None
    thinking: bool | None = None
    mode: str | None = None
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    max_prompt_tokens: int | None = None
    system: str | None = None
    template: str | None = None
    verifier: str | None = None
    tasks: TaskOptions = field(default_factory=TaskOptions)
    select: str | None = None
    engines: int | None = None
    workers: int | None = None
    seed: int | None = None
    served: ServedOptions = field(default_factory=ServedOptions)
    overwrite: bool = False
    regrade: bool = False
