"""What a mix is asked to hold: shares and weights by a column, as a command line has them.

`stratum=medium:2,hard:1` asks for two medium records to each hard one; `task` alone for as many of
each task that occurs; `source=openai/gsm8k:3,*:1` names the rest as `*`. A column is a field of a
record, `stratum`, or a name with dots into its metadata or pass rate, such as `metadata.tags`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from data.errors import MixError
from data.schema import STRATA, Record
from data.strata import stratum_of

REST: Final = "*"
"""Stands for every value that is not named."""
UNMEASURED: Final = "unmeasured"
"""The stratum of a record without a pass rate."""
NOTHING: Final = "none"
"""The value of a record that lacks a column."""
_FIELDS: Final = ("stratum", "task", "source", "licence", "language", "environment")
_NESTED: Final = ("metadata", "pass_rate")


@dataclass(frozen=True, slots=True)
class Column:
    """Numbers by the values of a column.

    Attributes:
        name: the column.
        numbers: by value; empty: of shares, the same for each; of weights, the value itself.
    """

    name: str
    numbers: Mapping[str, float]

    def share_of(self, record: Record) -> tuple[str, bool]:
        """Under which name the record is counted, and whether it may be taken at all."""
        found = value_of(record, self.name)
        value = _text(found[0] if isinstance(found, list) and found else found)
        if not self.numbers:
            return value, True
        name = value if value in self.numbers else REST
        return (name, True) if self.numbers.get(name, 0) > 0 else (value, False)

    def weight_of(self, record: Record) -> float:
        """The record's weight by this column; that of several values is their product.

        Raises:
            MixError: the value itself was to be the weight, and it is no number of 0 or more.
        """
        found = value_of(record, self.name)
        if not self.numbers:
            is_number = isinstance(found, int | float) and not isinstance(found, bool)
            if not is_number or not math.isfinite(found) or found < 0:
                raise MixError(
                    f"record {record.id!r}: {self.name} is {found!r}, and a weight is a number of "
                    f"0 or more; name values and their weights: {self.name}=VALUE:2,*:1"
                )
            return float(found)
        values = found if isinstance(found, list) and found else [found]
        rest = self.numbers.get(REST, 1.0)
        return math.prod(self.numbers.get(_text(value), rest) for value in values)


def parse_column(text: str) -> Column:
    """Read `COLUMN` or `COLUMN=VALUE:NUMBER,...`.

    Raises:
        MixError: says which part is wrong.
    """
    name, is_listed, listed = text.partition("=")
    head = name.partition(".")[0]
    if name not in _FIELDS and (head not in _NESTED or name == head):
        raise MixError(
            f"{text!r}: there is no column {name!r}; use {', '.join(_FIELDS)}, or metadata.NAME"
        )
    numbers: dict[str, float] = {}
    for part in listed.split(",") if is_listed else ():
        value, _, number = part.rpartition(":")
        try:
            numbers[value] = float(number)
        except ValueError:
            numbers[value] = math.nan
        if not value or not math.isfinite(numbers[value]) or numbers[value] < 0:
            raise MixError(
                f"{text!r}: {part!r} is no VALUE:NUMBER with a number of 0 or more; write "
                f"{name}=VALUE:2,OTHER:1"
            )
    return Column(name, numbers)


def parse_share(text: str) -> Column:
    """Read a column whose numbers are shares.

    Raises:
        MixError: as `parse_column`; or there is no share above 0.
    """
    column = parse_column(text)
    if column.numbers and not sum(column.numbers.values()):
        raise MixError(f"{text!r}: every number is 0, so nothing could be taken; raise one")
    return column


def parse_ratio(text: str) -> Column:
    """Read a ratio of strata such as `medium:hard=2:1`.

    Raises:
        MixError: the two sides do not match, or a stratum is unknown.
    """
    names, _, numbers = text.partition("=")
    known = (*STRATA, UNMEASURED)
    values, given = names.split(":"), numbers.split(":")
    if len(values) != len(given) or not set(values) <= set(known) or len(set(values)) < len(values):
        raise MixError(
            f"the ratio {text!r} is not understood; write medium:hard=2:1, with as many numbers as "
            f"names, of {', '.join(known)}"
        )
    return parse_share(
        "stratum=" + ",".join(f"{v}:{n}" for v, n in zip(values, given, strict=True))
    )


def value_of(record: Record, column: str) -> Any:
    """What a record has in a column; None where it lacks it."""
    if column == "stratum":
        return UNMEASURED if record.pass_rate is None else stratum_of(record.pass_rate)
    head, *path = column.split(".")
    value: Any = getattr(record, head)
    if head == "pass_rate" and value is not None:
        value = {**value.model_dump(), "rate": value.rate}
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return NOTHING if value is None or value in ("", []) else str(value)
