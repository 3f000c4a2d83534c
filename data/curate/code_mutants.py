"""Mutants of a program: a few of its small changes, spread evenly over its source.

Guarantee: the same program gives the same mutants, whatever the machine; none is run here.
Constants within expressions are changed only where little else can be: a bound that is one too
large, or a text that is only looked for, often leaves a program right.
"""

import re
from collections.abc import Sequence
from typing import Final

from data.curate.code_mutant import Mutant
from data.curate.code_mutants_python import python_changes, python_mutant
from data.curate.code_mutants_tokens import token_changes, token_mutant
from sandbox import Program
from sandbox.types import AnyTests, CallTests, CheckTests, StdioTests

FEW: Final = 4
"""Changes of other kinds, below which constants are changed too."""
LONGEST: Final = 100_000  # characters of a program that is changed


def mutants(program: Program, tests: AnyTests, count: int) -> list[Mutant]:
    """At most `count` mutants of a program, of the parts that `tests` can see."""
    source, roots = program.source, names_used(tests)
    if len(source) > LONGEST:
        return []
    if program.language == "python":
        chosen = _chosen(python_changes(source, roots), count)
        made = (python_mutant(source, roots, number) for number in chosen)
        return [mutant for mutant in made if mutant is not None]
    changes = token_changes(source, program.language, is_called=bool(roots))
    chosen = _chosen([change.is_constant for change in changes], count)
    return [token_mutant(source, changes[number]) for number in chosen]


def names_used(tests: AnyTests) -> frozenset[str]:
    """Names by which tests reach a program; none: it is run as a script."""
    if isinstance(tests, StdioTests):
        return frozenset()
    if isinstance(tests, CallTests | CheckTests):
        return frozenset((*tests.entry_point.split("."), "Solution"))
    return frozenset(re.findall(r"\w+", tests.source))


def _chosen(constant: Sequence[bool], count: int) -> list[int]:
    """The numbers of the changes that are made: see the module's guarantee."""
    telling = [number for number, is_constant in enumerate(constant) if not is_constant]
    others = [number for number, is_constant in enumerate(constant) if is_constant]
    filling = _spread(others, max(0, min(FEW, count) - len(telling)))
    return sorted([*_spread(telling, count), *filling])


def _spread(numbers: Sequence[int], count: int) -> list[int]:
    """`count` of the numbers, evenly apart."""
    total = len(numbers)
    if total <= count:
        return list(numbers)
    return [numbers[(2 * place + 1) * total // (2 * count)] for place in range(count)]
