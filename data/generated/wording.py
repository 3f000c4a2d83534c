"""The words in which models are asked for tests.

As in section 5.1 of the TeleChat2.5/T1 report: up to ten a problem, over normal, boundary,
exceptional and complex inputs.
"""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.generated import MOST_TESTS

VERSION: Final = 1
"""Of these words; answers to other words are not taken for answers to these."""
_STDIN: Final = """The program reads standard input and writes standard output. A test is
{"category": "normal", "stdin": "3\\n1 2 3\\n", "stdout": "6\\n"}
with the whole input and the whole output as text. Leave "stdout" out if you are not sure of it."""
_CALL: Final = """Tests call `%s`. A test is
{"category": "normal", "args": [[1, 2, 3]], "returns": 6}
with the positional arguments in order and the value that must come back, as plain JSON. Leave out \
what JSON cannot hold, and cases that must raise an error."""
_ASKED: Final = """Write tests for the programming problem below. Do not solve it.

%s

Write up to %d tests, with at least one of each category that the problem allows:
- normal: typical inputs
- boundary: the smallest and the largest values, empty or single-element inputs, ties
- exceptional: unusual inputs for which the problem still says what comes out: duplicates, \
negative numbers, no solution
- complex: larger inputs, in which several rules of the problem meet

Every input must be allowed by the problem. Work each expected answer out step by step before you \
write it down. Then end with one JSON array of the tests in a fenced block marked json: literal \
values only, no expressions, no comments.

The problem:
<problem>
%s
</problem>"""


def asking_for_tests(request: str, entry_point: str | None) -> tuple[Mapping[str, Any], ...]:
    """The chat that asks for tests of a problem.

    Args:
        request: The problem as the policy is asked it.
        entry_point: The function that tests call; None: the program reads standard input.
    """
    form = _STDIN if entry_point is None else _CALL % entry_point
    return ({"role": "user", "content": _ASKED % (form, MOST_TESTS, request)},)
