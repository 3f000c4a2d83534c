"""Running the test functions and test cases of a test that has been loaded."""

import unittest
from types import ModuleType
from typing import Any

from .pytest_run import run_pytest
from .remote import RemoteType
from .tally import Tally


class _Result(unittest.TestResult):
    """Keeps the exceptions themselves."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally
        self.failfast = True

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        self._tally.fail(err[1])
        super().addError(test, err)

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        self._tally.fail(err[1])
        super().addFailure(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        if err is not None:
            self._tally.fail(err[1])
        super().addSubTest(test, subtest, err)


def run_suites(main: ModuleType, test: dict[str, Any], tally: Tally) -> None:
    """Run what the file's tests are, by pytest where they need it."""
    if test["needs_pytest"]:
        run_pytest(main, test, tally)
        return
    for name in test["functions"]:
        try:
            if (function := vars(main).get(name)) is not None:
                function()
                tally.passed += 1
        except unittest.SkipTest:
            continue
    _run_cases(main, tally)


def _run_cases(main: ModuleType, tally: Tally) -> None:
    loader = unittest.TestLoader()
    for kind in list(vars(main).values()):
        if not isinstance(kind, type) or isinstance(kind, RemoteType):
            continue
        if not issubclass(kind, unittest.TestCase) or kind.__module__ != "__main__":
            continue
        names = [n for n in loader.getTestCaseNames(kind) if (kind, n) not in tally.started]
        if names and tally.failure is None:
            result = _Result(tally)
            loader.suiteClass([kind(name) for name in names]).run(result)
            for _, error in result.errors:  # of a setUpClass, which has no exception to keep
                tally.fail(AssertionError(error.strip().splitlines()[-1]))
