"""Calls that fit the tools on offer: a stage that drops the other records of tool use.

The checks are those of the TeleChat2 report's section 5.3: names of tools, names of parameters,
types of parameters; and what a schema says beside: what is required, enums, bounds. Earlier calls
in a conversation are held to the same. Guarantees: what is kept can be trained on as it is: some
call that fits the schemas is right by the reference, in the mode that the record names; its
category after BFCL is `metadata.tool_category`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from data.curate.tool_calls import Fault, fault_of_calls, fault_of_tools
from data.curate.tool_category import category_of
from data.pipeline.block import Drop, Outcome
from data.schema import Record

TASK = "tool"


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """Drops records whose calls do not fit their tools; those of other tasks go through.

    Reasons: `no tools`, `broken declaration`, `two tools of one name`, `no reference`, `unreadable
    reference`, `unknown tool`, `unknown parameter`, `missing parameter`, `wrong type`, `outside
    enum`, `outside schema`, `contradicts itself`.
    """

    name: ClassVar[str] = "tool format"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Check each record."""
        kept: list[Record] = []
        dropped: list[Drop] = []
        for record in records:
            if record.task != TASK:
                kept.append(record)
            elif (fault := fault_of(record)) is not None:
                dropped.append(Drop(record, self.name, fault.reason, fault.detail))
            else:
                kept.append(_completed(record))
        return Outcome(kept, dropped)


def fault_of(record: Record) -> Fault | None:
    """What is wrong with a record of tool use; None: nothing."""
    if not record.tools:
        return Fault("no tools", "a record of tool use needs the tools on offer")
    if (fault := fault_of_tools(record.tools)) is not None:
        return fault
    if record.reference is None:
        return Fault("no reference", "[] says that no call is right")
    for place, calls in _earlier(record.messages):
        if (fault := fault_of_calls(calls, record.tools, "exact", "auto")) is not None:
            return Fault(fault.reason, f"{place}: {fault.detail}")
    language = record.metadata.get("language", "auto")
    mode = _mode(record)
    for place, calls in _turns(record.reference):
        if (fault := fault_of_calls(calls, record.tools, mode, language)) is not None:
            return Fault(fault.reason, f"{place}{fault.detail}")
    return None


def _earlier(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The calls of earlier messages, each with its place."""
    for number, message in enumerate(messages, start=1):
        calls = message.get("tool_calls")
        if calls:
            bare = [call.get("function") if isinstance(call, Mapping) else call for call in calls]
            yield f"message {number}", bare


def _turns(reference: Any) -> Iterator[tuple[str, Any]]:
    """The calls of each turn; those of a single one have no place."""
    if isinstance(reference, list) and reference and all(isinstance(x, list) for x in reference):
        for number, calls in enumerate(reference, start=1):
            yield f"turn {number}: ", calls
    else:
        yield "", reference


def _mode(record: Record) -> str:
    """How the reference is compared: as the record says, else by its form."""
    stated = record.metadata.get("mode")
    if stated in ("exact", "accept"):
        return str(stated)
    calls = [
        call for _, turn in _turns(record.reference) if isinstance(turn, list) for call in turn
    ]
    is_exact = all(isinstance(call, Mapping) and "arguments" in call for call in calls)
    return "exact" if is_exact else "accept"


def _completed(record: Record) -> Record:
    """The record with its category, and with its mode where that is not the verifier's own."""
    metadata = {**record.metadata, "tool_category": category_of(record)}
    if (mode := _mode(record)) != "exact":
        metadata["mode"] = mode
    return record.model_copy(update={"metadata": metadata})
