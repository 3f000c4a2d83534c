"""Running a test file by pytest, on the module that has been loaded already.

pytest collects what it would collect from the file, but for objects of the program, whatever they
are called. No configuration, plugin or conftest of anybody is read.
"""

import asyncio
import importlib
import inspect
import os
import sys
from types import ModuleType
from typing import Any, Final

from .errors import UnusableError
from .remote import RemoteType
from .tally import Tally

LIBRARY: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "lib")
"""Where pytest is, if it is not Python's own."""
WITHOUT: Final = """
    cacheprovider doctest faulthandler junitxml nose pastebin setuponly setupplan stepwise terminal
    threadexception unraisableexception
"""
"""Plugins of pytest's own that have nothing to do here."""
OPTIONS: Final = ("-c", "/dev/null", "--noconftest", "--assert=plain", "-s", "-x")
MISSING: Final = (
    "the test needs pytest, which is not here: install python3-pytest on this machine, or use the "
    "image (plumb sandbox build)"
)


def load() -> None:
    """Import pytest with all that it imports when it starts, if it is here."""
    if LIBRARY not in sys.path:
        sys.path.append(LIBRARY)
    try:
        from _pytest.config import default_plugins
    except ModuleNotFoundError:
        return  # a test that needs it will say so
    for name in default_plugins:
        importlib.import_module(f"_pytest.{name}")


def run_pytest(main: ModuleType, test: dict[str, Any], tally: Tally) -> None:
    """Run the tests of a module; what came of them goes to `tally`.

    Raises:
        UnusableError: There is no pytest, or the tests are none for it.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        import pytest
    except ModuleNotFoundError as error:
        raise UnusableError(MISSING) from error
    file = test["file"]
    with open(file, "w") as empty:
        empty.write("")
    folder = os.path.dirname(file)
    options = [word for name in WITHOUT.split() for word in ("-p", f"no:{name}")]
    plugin = _Plugin(main, frozenset(test["excluded"]), tally)
    code = _real_main(pytest)(
        [*OPTIONS, *options, f"--rootdir={folder}", "--basetemp=/tmp/test", file], plugins=[plugin]
    )
    if code not in (0, 1, 5) and tally.failure is None:
        tally.fail(AssertionError(f"pytest ended with {code}"))


def _real_main(pytest: Any) -> Any:
    return getattr(pytest.main, "_plumb_real", pytest.main)


def stand_in_for_main() -> None:
    """Make `pytest.main`, which a test may call on itself, do nothing: its tests run anyway."""
    try:
        import pytest
    except ModuleNotFoundError:
        return  # the test will say so

    def main(*_: object, **__: object) -> int:
        return 0

    main._plumb_real = pytest.main  # type: ignore[attr-defined]
    setattr(pytest, "main", main)  # noqa: B010


class _Plugin:
    """Collects from the loaded module, and counts."""

    def __init__(self, main: ModuleType, excluded: frozenset[str], tally: Tally) -> None:
        self._main = main
        self._excluded = excluded
        self._tally = tally
        self._error: BaseException | None = None

    def pytest_pycollect_makemodule(self, module_path: Any, parent: Any) -> Any:
        import pytest

        loaded = self._main

        class Loaded(pytest.Module):
            def _getobj(self) -> ModuleType:
                return loaded

        return Loaded.from_parent(parent, path=module_path)

    def pytest_pycollect_makeitem(self, collector: Any, name: str, obj: Any) -> Any:
        is_remote = isinstance(type(obj), RemoteType) or isinstance(obj, RemoteType)
        is_left_out = name in self._excluded and collector.obj is self._main
        return [] if is_remote or is_left_out else None

    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool | None:
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        from _pytest.fixtures import FixtureLookupError

        self._error = None if call.excinfo is None else call.excinfo.value
        if isinstance(self._error, FixtureLookupError):
            missing = self._error.argname
            self._error = UnusableError(f"{item.name} needs the fixture '{missing}', which is none")

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            words = str(report.longrepr).strip().splitlines()
            self._tally.fail(self._error or AssertionError(words[-1] if words else "failed"))
        elif report.passed and report.when == "call" and not hasattr(report, "wasxfail"):
            self._tally.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            words = str(report.longrepr).strip().splitlines()
            text = f"pytest cannot collect the test: {words[-1] if words else ''}"
            self._tally.fail(
                AssertionError(text) if self._tally.link.may_have_steered else UnusableError(text)
            )
