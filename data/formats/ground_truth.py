"""Tests as the ground truth of a row in verl's layout holds them, mostly as JSON text.

{"inputs": [...], "outputs": [...], "fn_name"?}          PRIME, Skywork (TACO)
{"entry_point", "test_code", "import_prefix"}            Skywork (LeetCode): a `check`
{"assert_case": [...]}                                   Skywork: asserts
[{"input", "output", "testtype" or "type"}]              DeepCoder
{"kind": ...}                                            the tests of `plumb verify`
"""

from collections.abc import Mapping
from typing import Any

from data.errors import RowError
from data.files import Row
from data.formats.cases import Tests, checked, paired_tests, script_tests, typed_cases
from data.formats.fields import decoded, sequence, wrong


def ground_truth_tests(row: Row, name: str, value: Any) -> Tests:
    """The tests of a ground truth.

    Args:
        row: the row.
        name: the column, for messages.
        value: what it holds.

    Raises:
        RowError: it is none of the forms above.
    """
    held = decoded(row, name, value)
    if isinstance(held, list) and held:
        return typed_cases(row, name, held)
    if not isinstance(held, Mapping):
        raise wrong(row, name, held, "tests")
    held = {key: one for key, one in held.items() if one is not None}
    if "kind" in held:
        return checked(row, name, dict(held))
    if "inputs" in held:
        return paired_tests(row, name, held)
    if "assert_case" in held:
        asserts = sequence(row, f"{name}.assert_case", held["assert_case"])
        return script_tests(row, name, "\n".join(map(str, asserts)) + "\n")
    if "test_code" in held and "entry_point" in held:
        source = f"{held.get('import_prefix', '')}\n{held['test_code']}\n"
        tests = {"kind": "check", "entry_point": held["entry_point"], "source": source}
        return checked(row, name, tests) | {"language": "python"}
    raise RowError(
        f"{row.where}: column {name!r} has {', '.join(held) or 'nothing'}, which are no tests "
        "that are known; mend or remove the row"
    )
