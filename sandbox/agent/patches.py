"""What a test patches in the standard library, patched for the program too.

`patch("time.sleep")` or `monkeypatch.setattr(random, "choice", ...)` changes a module of the test's
process. The names that a test may patch are read from it beforehand; before each request those that
have changed are told to the program's process, which has them so while its own code runs.
Guarantee: on both sides the code that carries requests runs without the patches.
"""

import contextlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

ABSENT: Final = object()


class Patches:
    """Names of the standard library, as they were and as they are to be.

    Args:
        names: Dotted ones; what does not exist is left out.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._places: dict[str, tuple[Any, str, Any]] = {}
        self._told: dict[str, Any] = {}
        for name in names:
            self._add(name)

    def _add(self, name: str) -> None:
        holder, _, last = name.rpartition(".")
        try:
            owner = _resolve(holder)
            self._places[name] = (owner, last, getattr(owner, last))
        except (ImportError, AttributeError, ValueError):
            return

    def news(self) -> dict[str, Any]:
        """On the test's side: those changed since the last time; ABSENT: as it was at first."""
        found = {}
        for name, (owner, last, first) in self._places.items():
            now = getattr(owner, last, ABSENT)
            if now is not self._told.get(name, first):
                found[name] = ABSENT if now is first else now
                self._told[name] = now
        return found

    def take(self, told: Mapping[str, Any]) -> None:
        """On the program's side: what is to be from now on, while `applied`."""
        for name, value in told.items():
            if name not in self._places:
                self._add(name)
            self._told[name] = value

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Have the patches, for the program's own code."""
        with self._set(self._told):
            yield

    @contextlib.contextmanager
    def lifted(self) -> Iterator[None]:
        """Be without the patches, for what is not the test's or the program's."""
        with self._set(dict.fromkeys(self._places, ABSENT)):
            yield

    @contextlib.contextmanager
    def _set(self, values: Mapping[str, Any]) -> Iterator[None]:
        before = []
        for name, value in values.items():
            if name in self._places:
                owner, last, first = self._places[name]
                before.append((owner, last, getattr(owner, last, first)))
                setattr(owner, last, first if value is ABSENT else value)
        try:
            yield
        finally:
            for owner, last, value in before:
                setattr(owner, last, value)


def _resolve(name: str) -> Any:
    """A module, or a class in one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        holder, _, last = name.rpartition(".")
        if not holder:
            raise
        return getattr(_resolve(holder), last)
