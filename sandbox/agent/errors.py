"""How talking to the tested program may end, in the test's process.

A test that catches `Exception` catches none but the last.
"""

from collections.abc import Sequence
from typing import Any


class LostError(BaseException):
    """The tested program has ended, or talks nonsense."""


class RefusedError(BaseException):
    """The tested program did not load."""


class UnusableError(BaseException):
    """The test is at fault, whatever the program is; says how."""


class ApartError(UnusableError):
    """The test cannot be carried out with the program in another process."""


class StoppedError(RuntimeError):
    """The program raised StopIteration where none was asked for."""

    values: Sequence[Any] = ()
