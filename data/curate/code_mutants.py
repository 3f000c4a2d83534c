"""Mutants of a program: a few of its small changes, spread evenly over its source.

Guarantee: the same program gives the same mutants, whatever the machine; none is run here.
"""

import re
from typing import Final

from data.curate.code_mutant import Mutant
from data.curate.code_mutants_python import count_python, python_mutant
from data.curate.code_mutants_tokens import token_changes, token_mutant
from sandbox import Program
from sandbox.types import AnyTests, CallTests, CheckTests, StdioTests

LONGEST: Final = 100_000  # characters of a program that is changed


def mutants(program: Program, tests: AnyTests, count: int) -> list[Mutant]:
    """At most `count` mutants of a program, of the parts that `tests` can see."""
    source, roots = program.source, names_used(tests)
    if len(source) > LONGEST:
        return []
    if program.language == "python":
        chosen = _spread(count_python(source, roots), count)
        made = (python_mutant(source, roots, number) for number in chosen)
        return [mutant for mutant in made if mutant is not None]
    changes = token_changes(source, program.language, is_called=bool(roots))
    return [token_mutant(source, *changes[number]) for number in _spread(len(changes), count)]


def names_used(tests: AnyTests) -> frozenset[str]:
    """Names by which tests reach a program; none: it is run as a script."""
    if isinstance(tests, StdioTests):
        return frozenset()
    if isinstance(tests, CallTests | CheckTests):
        return frozenset((*tests.entry_point.split("."), "Solution"))
    return frozenset(re.findall(r"\w+", tests.source))


def _spread(total: int, count: int) -> list[int]:
    """`count` of `total` numbers, evenly apart."""
    if total <= count:
        return list(range(total))
    return [(2 * number + 1) * total // (2 * count) for number in range(count)]
