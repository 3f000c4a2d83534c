"""What a data set is, in enough parts to say in words how two of them differ."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from data.errors import PromptError, StreamStateError
from data.schema import Prompt

DEFAULTS: Final = {"order": "uniform"}
"""What a position was taken with where it does not say so, as there was nothing else."""


@dataclass(frozen=True, slots=True)
class DataIdentity:
    """Digests of a data set: equal fingerprints mean equal prompts in equal order.

    Attributes:
        prompts: how many there are.
        ids: digest of the ids in order.
        members: digest of the whole prompts, regardless of order.
        fingerprint: digest of the whole prompts in order.
    """

    prompts: int
    ids: str
    members: str
    fingerprint: str

    @classmethod
    def of(cls, prompts: Sequence[Prompt]) -> "DataIdentity":
        """Identify prompts; raises PromptError if two have the same id."""
        ids = [prompt.id for prompt in prompts]
        repeated = [name for name, times in Counter(ids).items() if times > 1]
        if repeated:
            raise PromptError(
                f"{len(repeated)} prompt ids occur more than once, the first is {repeated[0]!r}; "
                "make ids unique, for instance by a prefix for each source"
            )
        digests = [prompt.digest() for prompt in prompts]
        return cls(len(prompts), _combine(ids), _combine(sorted(digests)), _combine(digests))

    def difference(self, saved: Mapping[str, Any]) -> str:
        """Say how the data of a saved identity (`dataclasses.asdict`) differ from these."""
        if saved.get("prompts") != self.prompts:
            return f"it was saved with {saved.get('prompts')} prompts, there are now {self.prompts}"
        if saved.get("members") == self.members:
            return f"the same {self.prompts} prompts now come in another order"
        if saved.get("ids") == self.ids:
            return "the ids are the same, but some text, reference or task has changed"
        return f"there are {self.prompts} prompts, as before, but with other ids"


def check_saved(
    identity: DataIdentity, settings: Mapping[str, Any], state: Mapping[str, Any]
) -> None:
    """Check that a saved position is of these data and settings.

    Args:
        identity: of the data that there are.
        settings: what an order depends on, by name.
        state: of a stream; it has both, the data as `data`.

    Raises:
        StreamStateError: It is of others, or does not say of which.
    """
    saved = state.get("data")
    if not isinstance(saved, Mapping):
        raise StreamStateError(
            "the saved position does not say which data it belongs to; "
            "resume from an earlier checkpoint"
        )
    if saved.get("fingerprint") != identity.fingerprint:
        raise StreamStateError(
            f"the saved position belongs to other data: {identity.difference(saved)}; "
            "restore the data to continue, or start a new run"
        )
    for option, mine in settings.items():
        if state.get(option, DEFAULTS.get(option)) != mine:
            raise StreamStateError(
                f"the saved position was taken with "
                f"{option}={state.get(option, DEFAULTS.get(option))} and this run has "
                f"{option}={mine}: prompts would repeat or be skipped; "
                f"set {option} back to continue, or start a new run"
            )


def _combine(parts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()
