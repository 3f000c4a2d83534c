"""Settings of what an answer is worth."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from rl.config.section import NamedSection, Section


def _spec_alone(value: Any) -> Any:
    """A route that is only a spec, as the section that it stands for."""
    return {"spec": value} if isinstance(value, str) else value


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
    weight: float = 0.0
    """What the term's reward is multiplied by before it is added; 0: it is only measured."""
    factor: float = Field(default=1.0, ge=0, le=1)
    """What a main reward above 0 is multiplied by where the term's verdict is not correct."""
    options: dict[str, Any] = {}
    """What the verifier is given beside the sample."""
    deadline: float | None = Field(default=None, gt=0)
    """Seconds one answer may take; none: `reward.deadline`."""
    tasks: list[str] = []
    """The tasks whose answers have the term; empty: all."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not {"weight", "factor"} & self.model_fields_set:
            raise ValueError(
                "what is it worth? set weight, factor or both (weight: 0 measures and pays nothing)"
            )
        return self


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
    """What is added to the reward, by name: `{spec, weight, factor, options, deadline, tasks}`;
    ready are `format`, `overlong` and `reasoning`."""
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
