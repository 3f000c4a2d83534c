"""The program as a test imports it: under the names that were read from the test."""

import builtins
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from .link import Link

PROGRAM: Final = "solution"  # which every test may import


class ProgramModule(ModuleType):
    """The program, as a module of the test."""

    def __init__(self, link: Link, name: str) -> None:
        super().__init__(name)
        object.__setattr__(self, "_plumb_link", link)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._plumb_link.name(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            self._plumb_link.set_name(name, value)

    def __delattr__(self, name: str) -> None:
        self._plumb_link.delete_name(name)


class Imports:
    """What `import` gives in a test.

    Attributes:
        roots: The first parts of the program's module names.
    """

    def __init__(self, link: Link, names: Iterable[str]) -> None:
        self._link = link
        self._modules: dict[str, ProgramModule] = {}
        for name in (PROGRAM, *names):
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                self._add(link, ".".join(parts[:end]))
        self.roots = {name for name in self._modules if "." not in name}

    def _add(self, link: Link, name: str) -> None:
        if name in self._modules:
            return
        self._modules[name] = module = ProgramModule(link, name)
        holder, _, last = name.rpartition(".")
        if holder:
            vars(self._modules[holder])[last] = module
        if name.partition(".")[0] not in sys.stdlib_module_names:  # which others may import
            sys.modules[name] = module

    def load(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """Python's `__import__`; what is imported relatively is the program."""
        if level and not name:
            found = ModuleType("package")
            for one in fromlist or ():
                vars(found)[one] = self._modules.get(one) or self._link.name(one)
            return found
        if name.partition(".")[0] not in self.roots:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if name not in self._modules:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return self._modules[name if fromlist else name.partition(".")[0]]
