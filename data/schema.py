"""The two contracts between prompts and training: `Prompt` and `PromptSource`.

A prompt is identified by its id inside one data set and by its digests everywhere else. Digests
depend on content alone: they are the same on every machine, in every process and in any order of
mapping keys.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from data.errors import PromptError


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing to ask the policy, and what is needed to judge its answer.

    Attributes:
        id: unique within a data set; rollouts and logs name the prompt by it.
        messages: chat messages, each with "role" and "content" and, where the assistant called
            tools, "tool_calls"; never empty.
        reference: what the verifier compares with; a JSON value, None where a task needs none.
        task: the kind of task: rewards are routed and metrics are told apart by it.
        metadata: whatever else the source said about it; verifiers may read it, training does not.
        tools: declarations of the tools on offer, as `{"type": "function", "function": {...}}`.
    """

    id: str
    messages: tuple[Mapping[str, Any], ...]
    reference: Any = None
    task: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()

    def text_digest(self) -> str:
        """Identify what the policy is asked: equal messages and tools have equal digests."""
        asked = [dict(message) for message in self.messages]
        return _digest([asked, list(self.tools)] if self.tools else asked)

    def digest(self) -> str:
        """Identify the whole exercise: id, messages, reference and task, without metadata."""
        try:
            return _digest([self.id, self.text_digest(), self.reference, self.task])
        except TypeError as error:
            raise PromptError(
                f"prompt {self.id!r}: its reference has no stable identity ({error}); "
                "use text, numbers, lists and objects in references"
            ) from error


@runtime_checkable
class PromptSource(Protocol):
    """Where the trainer gets prompts, one at a time, in an order that survives a restart."""

    @property
    def fingerprint(self) -> str:
        """Identify the data; two sources with equal fingerprints hold the same prompts."""

    @property
    def total(self) -> int | None:
        """How many prompts the source gives over all epochs, from its start; None when endless."""

    def next(self) -> Prompt | None:
        """Give the next prompt, or None, again and again, when prompts have run out."""

    def state_dict(self) -> dict[str, Any]:
        """Give the position as JSON values: what is needed to continue exactly here."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state` was taken; raises DataError if it is of another data set."""


def _digest(value: object) -> str:
    """Hash a JSON value; ASCII escapes keep even unpaired surrogates encodable."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
