"""Several sources of prompts as one, each with its share of the prompts by weight.

Guarantees: shares are exact over a window (`data.shares`) and depend on the weights alone; within a
source prompts come in its own order; a source that has run out leaves its share to the others, by
their weights; a stream that loads another's state continues exactly where that one stood, and a
state of other sources, weights or data is refused and changes nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from data.errors import StreamError, StreamStateError
from data.schema import Answered, ListeningSource, Prompt, PromptSource
from data.shares import Shares


class Mixture:
    """Gives prompts of several sources in turn; implements `data.schema.PromptSource`.

    Args:
        sources: by name; ids are unique over all of them.
        weights: of each source by its name, above 0.
    """

    def __init__(self, sources: Mapping[str, PromptSource], weights: Mapping[str, float]) -> None:
        if not sources:
            raise StreamError("there are no sources to mix")
        if sources.keys() != weights.keys() or min(weights.values()) <= 0:
            raise StreamError(f"weights are {dict(weights)}; give each source one above 0")
        self._sources = dict(sources)
        self._weights = {name: float(weights[name]) for name in sources}
        self._given = dict.fromkeys(self._sources, 0)
        self._among = self._live()
        self._shares = self._shares_of(self._among)

    @property
    def fingerprint(self) -> str:
        """Identify the data: a SHA-256 over the fingerprints of the sources, by name."""
        parts = [[name, source.fingerprint] for name, source in self._sources.items()]
        return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()

    @property
    def total(self) -> int | None:
        """How many prompts all sources give together, or None where one has no end."""
        totals = [source.total for source in self._sources.values()]
        known = [total for total in totals if total is not None]
        return sum(known) if len(known) == len(totals) else None

    def next(self) -> Prompt | None:
        """Give the next prompt, or None once every source has run out."""
        live = self._live()
        if not live:
            return None
        if live != self._among:
            self._among, self._shares = live, self._shares_of(live)
        name = live[self._shares.next()]
        prompt = self._sources[name].next()
        if prompt is None:
            raise StreamError(f"source {name!r} gave {self._given[name]} prompts and promised more")
        self._given[name] += 1
        return prompt

    def note(self, answered: Sequence[Answered]) -> None:
        """Tell those sources that want to know how prompts were answered."""
        for source in self._sources.values():
            if isinstance(source, ListeningSource):
                source.note(answered)

    def state_dict(self) -> dict[str, Any]:
        """Give the position and what it depends on, as JSON values."""
        return {
            "weights": dict(self._weights),
            "given": dict(self._given),
            "among": list(self._among),
            "turns": list(self._shares.turns),
            "sources": {name: source.state_dict() for name, source in self._sources.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state` was taken.

        Raises:
            StreamStateError: the state is of other sources, weights, data or orders, or damaged.
        """
        self._check_same_mix(state)
        given, among, turns = state.get("given"), state.get("among"), state.get("turns")
        if not self._can_stand_at(given, among, turns):
            raise StreamStateError(
                f"the saved position among the sources is damaged ({given!r}, {among!r}, "
                f"{turns!r}); resume from an earlier checkpoint"
            )
        before = {name: source.state_dict() for name, source in self._sources.items()}
        for name, source in self._sources.items():
            try:
                source.load_state_dict(state["sources"][name])
            except StreamStateError as error:
                for changed, own in before.items():
                    self._sources[changed].load_state_dict(own)
                raise StreamStateError(f"source {name!r}: {error}") from error
        self._given = dict(state["given"])
        self._among = list(state["among"])
        self._shares = self._shares_of(self._among)
        self._shares.turns = list(state["turns"])

    def _check_same_mix(self, state: Mapping[str, Any]) -> None:
        saved, parts = state.get("weights"), state.get("sources")
        if not isinstance(saved, Mapping) or not isinstance(parts, Mapping):
            raise StreamStateError(
                "the saved position is of a run with a single source, and there are now "
                f"{len(self._sources)}; go back to data.train, or start a new run"
            )
        if list(saved) != list(self._sources) or parts.keys() != self._sources.keys():
            raise StreamStateError(
                f"the saved position was taken with the sources {', '.join(map(str, saved))} and "
                f"this run has {', '.join(self._sources)}; restore them to continue, or start a "
                "new run"
            )
        if dict(saved) != self._weights:
            raise StreamStateError(
                f"the saved position was taken with the weights {dict(saved)} and this run has "
                f"{self._weights}; set them back to continue, or start a new run"
            )

    def _can_stand_at(self, given: Any, among: Any, turns: Any) -> bool:
        if not isinstance(given, Mapping) or given.keys() != self._sources.keys():
            return False
        if not isinstance(among, list) or among != [one for one in self._sources if one in among]:
            return False
        if not isinstance(turns, list) or len(turns) != len(among):
            return False
        counts = [*given.values(), *turns]
        if not all(type(count) is int and count >= 0 for count in counts):
            return False
        return not among or sum(turns) < self._shares_of(among).period

    def _live(self) -> list[str]:
        """The sources that have more to give; `epochs` may have been raised."""
        return [
            name
            for name, source in self._sources.items()
            if source.total is None or self._given[name] < source.total
        ]

    def _shares_of(self, names: Sequence[str]) -> Shares:
        return Shares([self._weights[name] for name in names])
