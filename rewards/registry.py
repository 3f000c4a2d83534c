"""Names of verifiers, and finding a verifier by a spec.

A spec is a registered name ("math"), an entry point of the group "plumb.verifiers", or
"path/to/file.py:function". Guarantees: one name means one function; a name that is taken is refused
with both places; a spec that leads nowhere is one clear line. Loading a spec needs nothing but the
spec and the file system, so a worker process can do it for itself.
"""

import difflib
import importlib
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from rewards.errors import PluginError, RewardError, UnknownVerifierError, VerifierDefinitionError
from rewards.plugin_file import absolute_spec, is_file_spec, load_from_file
from rewards.verifier import Blame, Verifier

P = ParamSpec("P")
R = TypeVar("R")
AnyVerifier = Verifier[..., Any]
ENTRY_POINT_GROUP = "plumb.verifiers"
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "math": "rewards.math.verifier",
        "math-bare": "rewards.math.verifier",
        "format": "rewards.terms",
        "overlong": "rewards.terms",
        "reasoning": "rewards.reasoning.verifier",
        "code": "rewards.code.verifier",
        "constraints": "rewards.constraints.verifier",
        "tool": "rewards.tools.verifier",
        "judge": "rewards.judge.verifier",
    }
)


class Registry:
    """Verifiers by name, as their modules are imported."""

    def __init__(self) -> None:
        self._by_name: dict[str, AnyVerifier] = {}
        self._lock = threading.Lock()

    def add(self, verifier: AnyVerifier) -> None:
        """Register `verifier`; importing the same file again replaces what it registered.

        Raises:
            VerifierDefinitionError: Another function has the name.
        """
        home = BUILT_IN.get(verifier.name)
        if home is not None and verifier.function.__module__ != home:
            raise VerifierDefinitionError(
                f"verifier '{verifier.name}' at {verifier.origin}: the name belongs to the "
                f"built-in verifier of {home}; choose another"
            )
        with self._lock:
            other = self._by_name.get(verifier.name)
            if other is not None and _place(other) != _place(verifier):
                raise VerifierDefinitionError(
                    f"two verifiers are called '{verifier.name}': {other.origin} and "
                    f"{verifier.origin}; rename one"
                )
            self._by_name[verifier.name] = verifier

    def get(self, name: str) -> AnyVerifier | None:
        """The verifier called `name`, if its module has been imported."""
        return self._by_name.get(name)

    def names(self) -> frozenset[str]:
        """The names registered so far."""
        return frozenset(self._by_name)


def _place(verifier: AnyVerifier) -> tuple[str, str]:
    return verifier.origin.rpartition(":")[0], verifier.function.__qualname__


# A decorator has to write somewhere: this is the process's one table of verifiers.
_REGISTRY = Registry()


def verifier(
    name: str,
    *,
    on_crash: Blame = "ungradable",
    warm_up: Callable[[], None] | None = None,
    deadline: float | None = None,
    keeps_time: bool = False,
) -> Callable[[Callable[P, R]], Verifier[P, R]]:
    """Make a function (plain or `async def`) the verifier called `name`.

    It may be a class too: a pydantic model whose fields are the options, with a `__call__`.
    Where that one is async, the class may have `async def start(self)` and `async def
    aclose(self)`, which a pool awaits when it starts and ends. `deadline` is in seconds, for one
    sample, where a run names none. An async verifier that `keeps_time` ends by itself, within
    `deadline_asked()` if that is a number; the pool then sets it no deadline.

    Raises:
        VerifierDefinitionError: The name is taken or the signature cannot be filled.
    """

    def register(function: Callable[P, R]) -> Verifier[P, R]:
        made = Verifier(name, function, on_crash, warm_up, deadline, keeps_time)
        _REGISTRY.add(made)
        return made

    return register


def load_verifier(spec: str) -> AnyVerifier:
    """The verifier that `spec` names.

    Raises:
        UnknownVerifierError: No verifier is called so; the message lists those there are.
        PluginError: The file or entry point is missing, does not import, or lacks the function.
        VerifierDefinitionError: The plugin's verifier is malformed or its name is taken.
    """
    if is_file_spec(spec):
        function, label = load_from_file(spec)
        return _as_verifier(function, spec, label)
    if (known := _REGISTRY.get(spec)) is not None:
        return known
    if (home := BUILT_IN.get(spec)) is not None:
        importlib.import_module(home)
        if (built_in := _REGISTRY.get(spec)) is not None:
            return built_in
    plugins = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if (plugin := plugins.get(spec)) is not None:
        return _as_verifier(_load_entry_point(plugin), spec, f"entry point '{plugin.value}'")
    raise UnknownVerifierError(_unknown(spec, {*_REGISTRY.names(), *BUILT_IN, *plugins}))


def portable_spec(spec: str) -> str:
    """`spec` in a form that means the same in a worker: a file's path made absolute."""
    return absolute_spec(spec) if is_file_spec(spec) else spec


def _as_verifier(loaded: object, spec: str, label: str) -> AnyVerifier:
    if isinstance(loaded, Verifier):
        return loaded
    if callable(loaded):
        return Verifier(spec, loaded)
    raise PluginError(f"{label} is a {type(loaded).__name__}, not a verifier function")


def _load_entry_point(point: EntryPoint) -> object:
    try:
        return point.load()
    except RewardError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"the verifier '{point.name}' (entry point '{point.value}') failed to import: "
            f"{type(error).__name__}: {error}"
        ) from error


def _unknown(spec: str, known: set[str]) -> str:
    near = difflib.get_close_matches(spec, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    listed = ", ".join(sorted(known))
    return (
        f"no verifier is called '{spec}'{hint} Known: {listed}. "
        "A file is named as path/to/file.py:function"
    )
