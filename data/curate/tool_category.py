"""What kind of tool use a record is, by the categories of BFCL, a leaderboard of function calling.

`plumb data mix --share metadata.tool_category` balances over them.
"""

from typing import Final, Literal

from data.schema import Record

Category = Literal[
    "simple", "multiple", "parallel", "parallel_multiple", "irrelevance", "multi_turn"
]
_ANSWERED: Final = "assistant"


def category_of(record: Record) -> Category:
    """The category of a record of tool use.

    One tool and one call is `simple`, several tools and one call `multiple`; several calls are
    `parallel` with one tool and `parallel_multiple` with several; none is right: `irrelevance`.
    Where the assistant has answered before, or calls are wanted in several turns, it is
    `multi_turn`.
    """
    reference = record.reference if isinstance(record.reference, list) else []
    has_turns = len(reference) > 1 and all(isinstance(turn, list) for turn in reference)
    if has_turns or any(message.get("role") == _ANSWERED for message in record.messages):
        return "multi_turn"
    only = reference[0] if len(reference) == 1 else None
    calls = only if isinstance(only, list) else reference
    if not calls:
        return "irrelevance"
    if len(calls) == 1:
        return "simple" if len(record.tools) == 1 else "multiple"
    return "parallel" if len(record.tools) == 1 else "parallel_multiple"
