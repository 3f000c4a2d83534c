"""The use of a verifier: which one, with which options, for how long.

Guarantee: a use travels as one command-line argument, and means the same in a worker.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rewards.errors import OptionsError
from rewards.options import configure
from rewards.registry import AnyVerifier, load_verifier, portable_spec


@dataclass(frozen=True, slots=True)
class Use:
    """A verifier as a run uses it.

    Attributes:
        spec: A verifier's name, or path/to/file.py:function.
        options: What the verifier is given beside the sample.
        deadline: Seconds for one sample; None: the pool's, else the verifier's.
    """

    spec: str
    options: Mapping[str, Any] = field(default_factory=dict)
    deadline: float | None = None

    def load(self) -> AnyVerifier:
        """The verifier, with its options.

        Raises:
            RewardError: The spec leads nowhere, the plugin does not load, or an option is wrong.
        """
        return configure(load_verifier(self.spec), self.options)

    def portable(self) -> "Use":
        """The same use in a form that means the same in any folder: a path made absolute."""
        return replace(self, spec=portable_spec(self.spec))

    def to_argument(self) -> str:
        """Spec and options in a form that `from_argument` reads."""
        try:
            return json.dumps({"spec": self.spec, "options": dict(self.options)})
        except (TypeError, ValueError) as error:
            raise OptionsError(
                f"the options of '{self.spec}' must be plain values, as in YAML: {error}"
            ) from error

    @classmethod
    def from_argument(cls, argument: str) -> "Use":
        """The use that `to_argument` described; a bare spec is one without options."""
        return cls(**json.loads(argument)) if argument.startswith("{") else cls(argument)
