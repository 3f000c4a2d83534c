"""What moves through the loop: a completion, a group of them for one prompt, and their state.

Guarantees: groups are whole and immutable, and `to_state`/`from_state` are exact inverses on
JSON-able values, so that a checkpoint can hold groups that wait for their batch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from data.schema import Prompt
from rewards import Outcome, Verdict
from rewards.thinking import Opened

StopReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled response."""

    token_ids: list[int]
    """Response tokens, the end-of-sequence token included when it was sampled."""
    logprobs: list[float]
    """The engine's log-probability of each sampled token, nats; as long as `token_ids`."""
    text: str
    stop_reason: StopReason
    """"length" when the response was cut at the token limit."""


@dataclass(frozen=True, slots=True)
class Generation:
    """All responses to one prompt, sampled by one policy version."""

    prompt_token_ids: list[int]
    completions: list[Completion]
    policy_version: int
    thinking: Opened | None = None
    """Whether the prompt ends in an open thinking part; None: it is not known."""


@dataclass(frozen=True, slots=True)
class Group:
    """A prompt with its graded responses: the unit of filtering, carrying and training."""

    index: int
    """Position in the order of dispatch, from 0; never reused within a run."""
    prompt: Prompt
    generation: Generation
    verdicts: list[Verdict]

    @property
    def gradable(self) -> list[int]:
        """Positions of the responses whose verdict measured something."""
        return [i for i, verdict in enumerate(self.verdicts) if verdict.is_gradable]

    def to_state(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "index": self.index,
            "prompt": prompt_to_state(self.prompt),
            "prompt_token_ids": self.generation.prompt_token_ids,
            "policy_version": self.generation.policy_version,
            "thinking": self.generation.thinking,
            "completions": [
                [c.token_ids, c.logprobs, c.text, c.stop_reason]
                for c in self.generation.completions
            ],
            "verdicts": [
                [str(v.outcome), v.reward if v.is_gradable else None, v.reason, dict(v.metrics)]
                for v in self.verdicts
            ],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Group":
        """The group that `to_state` described."""
        generation = Generation(
            state["prompt_token_ids"],
            [Completion(*fields) for fields in state["completions"]],
            state["policy_version"],
            state.get("thinking"),
        )
        verdicts = [
            Verdict(Outcome(outcome), math.nan if reward is None else reward, reason, metrics)
            for outcome, reward, reason, metrics in state["verdicts"]
        ]
        return cls(state["index"], prompt_from_state(state["prompt"]), generation, verdicts)


def prompt_to_state(prompt: Prompt) -> dict[str, Any]:
    """JSON-able form of a prompt."""
    return {
        "id": prompt.id,
        "messages": [dict(message) for message in prompt.messages],
        "reference": prompt.reference,
        "task": prompt.task,
        "metadata": dict(prompt.metadata),
        "tools": [dict(tool) for tool in prompt.tools],
    }


def prompt_from_state(state: Mapping[str, Any]) -> Prompt:
    """The prompt that `prompt_to_state` described."""
    return Prompt(
        id=state["id"],
        messages=tuple(state["messages"]),
        reference=state["reference"],
        task=state["task"],
        metadata=state["metadata"],
        tools=tuple(state.get("tools", ())),
    )
