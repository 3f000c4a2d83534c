"""Settings of episodes: what answers the policy, and what an episode may take."""

from typing import Any, Literal

from pydantic import Field

from rl.config.section import NamedSection, Section


def spec_alone(value: Any) -> Any:
    """An environment that is only a spec, as the section that it stands for."""
    return {"spec": value} if isinstance(value, str) else value


class EnvConfig(NamedSection):
    """What answers the policy."""

    spec: str
    """A ready environment (`calculator`, `python`, `shell`), an installed entry point of
    `plumb.environments`, or `path/to/file.py:Class`."""
    options: dict[str, Any] = {}
    """What the class is made with, as arguments by name."""


class EpisodeConfig(Section):
    """One attempt at a prompt."""

    turns: int = Field(default=8, ge=1)
    """Most turns of the policy in an episode (environments only)."""
    tokens: int | None = Field(default=None, ge=1)
    """Most tokens of a context; none: `max_prompt_tokens` + `max_response_tokens` of `rollout`."""
    observation_tokens: int = Field(default=2048, ge=64)
    """Longer answers of an environment are cut in their middle, which is said in them."""
    call_format: str = "template"
    """How calls of tools are written: a format of the verifier `tool`, `auto` to recognise it, or
    `template`: the one that the chat template asks for, `auto` where it asks for none."""
    call_seconds: float = Field(default=30.0, gt=0)
    """Seconds that a call may take; the policy is told of one that took longer."""
    calls_per_turn: int = Field(default=16, ge=1)
    """Calls of one turn that are run; the policy is told of the others."""
    calls_at_once: int = Field(default=64, ge=1)
    """Calls that run at a time, over all episodes; others wait."""
    history: Literal["template", "append"] = "template"
    """Where the chat template rewrites earlier turns (drops their thinking): `template` begins a
    new trajectory from a fresh rendering, as the served model will see it; `append` keeps them."""
    runners: int = Field(default=0, ge=0)
    """Processes that environments and agents run in, spread over the cluster's nodes, those without
    GPUs first; 0: the command's own process."""
    runner_silence: float = Field(default=60.0, gt=0)
    """Seconds without a sign of life after which a runner is lost, as where an environment holds up
    its event loop."""
    runner_restarts: int = Field(default=3, ge=0)
    """Times an hour that each runner may be lost and started again before the run ends."""
    retries: int = Field(default=3, ge=0)
    """Tries after a failure of infrastructure before an episode counts as ungradable."""
