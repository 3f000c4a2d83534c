"""What of a test has run, and what came of it.

Guarantee: a test counts where it ran and passed; one that was skipped or is expected to fail shows
nothing. What the test itself ran through unittest is noted, whether or not it asked for the result.
"""

import contextlib
import unittest
from collections.abc import Iterator
from typing import Any

from .errors import UnusableError
from .link import Link


class Tally:
    """What has run so far."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.passed = 0
        self.failure: BaseException | None = None
        self.started: set[tuple[type, str]] = set()  # methods of cases that the test ran itself
        self._results: dict[int, unittest.TestResult] = {}

    def fail(self, error: BaseException) -> None:
        """Note a failure; the first one counts."""
        self.failure = self.failure or error

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Have unittest note what it starts."""
        start = unittest.TestResult.startTest

        def noting(result: unittest.TestResult, test: Any) -> None:
            self._results[id(result)] = result
            self.started.add((type(test), str(getattr(test, "_testMethodName", ""))))
            start(result, test)

        setattr(unittest.TestResult, "startTest", noting)  # noqa: B010
        try:
            yield
        finally:
            setattr(unittest.TestResult, "startTest", start)  # noqa: B010

    def conclude(self, *, expects: bool) -> None:
        """Raise what makes the test fail."""
        if self.failure is not None:
            raise self.failure
        for result in self._results.values():
            if not result.wasSuccessful():
                raise AssertionError(f"a unittest failed: {_first(result)}")
            shown = len(result.skipped) + len(result.expectedFailures)
            self.passed += max(0, result.testsRun - shown)
        if expects and not self.passed:
            if self.link.may_have_steered:
                raise AssertionError("no test of the file passed: all were skipped")
            raise UnusableError("there is nothing to run: all of its tests are skipped")


def _first(result: unittest.TestResult) -> str:
    found = [*result.failures, *result.errors]
    lines = found[0][1].strip().splitlines() if found else ["one that should have failed passed"]
    return str(lines[-1])
