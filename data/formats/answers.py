r"""Where data sets of mathematics have the answer.

Guarantee: what is no answer (`proof`, `notfound`, an empty text) is None, so that the record has no
reference and curation drops it with its reason.
"""

from typing import Final

from data.files import Row
from data.formats.fields import answer_text
from rewards.math.answers import NoAnswerError, last_boxed

_NONE: Final = frozenset({"", "proof", "notfound", "not found", "none", "null", "nan", "n/a"})


def stated(row: Row, name: str) -> str | None:
    """The answer of a column; None where it says that there is none."""
    value = row.columns.get(name)
    if value is None or (isinstance(value, str) and value.strip().lower() in _NONE):
        return None
    return answer_text(row, name)


def boxed(solution: str) -> str | None:
    r"""What the last `\boxed{}` of a solution holds; None where it has none."""
    if "boxed" not in solution and "fbox" not in solution:
        return None
    try:
        return last_boxed(solution).strip() or None
    except NoAnswerError:
        return None
