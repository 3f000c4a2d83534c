"""verl's layout: `prompt` as messages, `reward_model.ground_truth`, `data_source`, `ability`.

DAPO-Math-17k, Eurus-2-RL, DeepScaleR and many others come so. Skywork-OR1 does too, with tests and
several answers in the ground truth; it is the format `skywork`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.files import Row
from data.formats.fields import (
    Columns,
    answer_text,
    filled,
    optional_text,
    record,
)
from data.formats.ground_truth import ground_truth_tests
from data.formats.verl_wording import without_wording
from data.messages import Messages, as_messages
from data.schema import Record

TRUTH: Final = "reward_model.ground_truth"
_CODE: Final = frozenset({"code", "coding", "codegen", "programming"})
_SOURCES: Final = {"math_dapo": "BytedTsinghua-SIA/DAPO-Math-17k"}


@dataclass(frozen=True, slots=True)
class Verl:
    """Rows of any data set that was prepared for verl."""

    name: ClassVar[str] = "verl"
    tasks: ClassVar[tuple[str, ...]] = ("math", "code")
    licence: ClassVar[str] = ""

    def matches(self, columns: Columns) -> str | None:
        """By the nested ground truth."""
        if truth_of(columns) is None or is_skyworks(columns):
            return None
        return f"prompt and {TRUTH}"

    def records(self, row: Row) -> Iterator[Record]:
        """One record; the task is `ability`, by which tests are told from answers."""
        ability = optional_text(row, "ability").lower()
        is_code = ability in _CODE
        truth = truth_of(row.columns)
        extra = row.columns.get("extra_info")
        extra = extra if isinstance(extra, Mapping) else {}
        solution = extra.get("answer")
        source = optional_text(row, "data_source")
        yield record(
            row,
            asked(row),
            "code" if is_code else (ability or "math"),
            ground_truth_tests(row, TRUTH, truth) if is_code else answer_text(row, TRUTH, truth),
            source=_SOURCES.get(source, source),
            source_id=index_of(extra),
            licence=self.licence,
            metadata=filled(
                solution=solution if isinstance(solution, str) and solution != truth else None,
                split=extra.get("split"),
            ),
        )


def truth_of(columns: Columns) -> Any:
    """The ground truth; None where rows are of another layout."""
    held = columns.get("reward_model")
    if "prompt" not in columns or not isinstance(held, Mapping):
        return None
    return held.get("ground_truth")


def is_skyworks(columns: Columns) -> bool:
    """Whether a row is one of Skywork-OR1, which no other set names its sources like."""
    source = columns.get("data_source")
    return isinstance(source, str) and source.startswith(("train-math-", "train-code-"))


def asked(row: Row) -> Messages:
    """The prompt, without the wording of a public set around a single message."""
    messages = as_messages(row.columns.get("prompt"), row.where, "prompt")
    if len(messages) != 1:
        return messages
    return ({**messages[0], "content": without_wording(messages[0]["content"])},)


def index_of(extra: Mapping[str, Any]) -> str:
    """A row's name in its data set."""
    index = extra.get("index")
    return str(index) if isinstance(index, str | int) else ""
