"""Whether the calls of an answer are those of a reference.

Guarantees: the answer matches if and only if its calls can be paired with the reference's so that
each fits, in the same order where `ordered` is set; an empty reference is matched by no call alone.
Where it does not match, the first difference is named. The rules of one call are those of
`rewards.tools.exact` and `rewards.tools.accept`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from rewards.tools.accept import Accepted, accepted
from rewards.tools.accept import compare as compare_accepted
from rewards.tools.assignment import assign
from rewards.tools.dialects import Language
from rewards.tools.errors import CallsError, ToolReferenceError
from rewards.tools.exact import Fault
from rewards.tools.exact import compare as compare_exact
from rewards.tools.offered import Declaration, declaration
from rewards.tools.reference import accepted_calls, exact_calls, turn_of
from rewards.tools.types import Difference, Match, Phrase, ToolCall, shown

Mode = Literal["exact", "accept"]
_MATCHED = Match(True)
SPOKEN: Final[Mapping[str, tuple[Language, ...] | None]] = MappingProxyType(
    {"auto": None, "python": (), "java": ("java",), "javascript": ("javascript",)}
)
"""The languages that mode `accept` can be told, as `accepted` takes them."""
W = TypeVar("W", ToolCall, Accepted)


def match_calls(
    calls: Iterable[ToolCall | Mapping[str, Any]],
    reference: Any,
    *,
    mode: str = "exact",
    ordered: bool = False,
    tools: Sequence[Any] = (),
    turn: int | None = None,
    language: str = "auto",
) -> Match:
    """Compare calls with a reference.

    Args:
        calls: The answer's calls, or `{"name", "arguments"}` for each.
        reference: A list of calls in the form of the mode, or a list of such lists, one a turn; or
            the JSON text of either. Mode `accept` takes the exact form too.
        mode: `exact`, or `accept` for lists of allowed values.
        ordered: Whether the order of the calls counts.
        tools: The declarations of the tools; mode `accept` uses their types.
        turn: The turn that the calls are of, from 0; None: the last.
        language: What the tools' functions are written in, for mode `accept`: `python`, `java`,
            `javascript`, or `auto`, by the types that are declared.

    Raises:
        ToolReferenceError: The reference cannot be read, has no such turn, or names a tool that
            `tools` lack; or there is no such mode or language.
        ToolsError: The tools cannot be read.
        CallsError: `calls` are no calls.
    """
    if mode not in ("exact", "accept"):
        raise ToolReferenceError(f'there is no mode {shown(mode)}; use "exact" or "accept"')
    if not isinstance(language, str) or language not in SPOKEN:
        raise ToolReferenceError(f"there is no language {shown(language)}; use {', '.join(SPOKEN)}")
    given = [_call(call) for call in calls]
    chosen = turn_of(reference, turn)
    try:
        if mode == "exact":
            exact_wanted = [ToolCall(name, arguments) for name, arguments in exact_calls(chosen)]
            return _match(given, exact_wanted, compare_exact, ordered)
        wanted = [
            accepted(name, allowed, _declared(tools, name), SPOKEN[language])
            for name, allowed in accepted_calls(chosen)
        ]
        return _match(given, wanted, compare_accepted, ordered)
    except RecursionError as error:
        raise CallsError("the calls or the reference are nested too deeply") from error


def _call(call: Any) -> ToolCall:
    if isinstance(call, ToolCall):
        return call
    if isinstance(call, Mapping):
        name, arguments = call.get("name"), call.get("arguments")
        if isinstance(name, str) and isinstance(arguments, Mapping):
            return ToolCall(name, arguments)
    raise CallsError(f'{shown(call)} is no call; write {{"name": ..., "arguments": {{...}}}}')


def _declared(tools: Sequence[Any], name: str) -> Declaration | None:
    if not tools:
        return None
    found = declaration(tools, name)
    if found is None:
        raise ToolReferenceError(f"the reference calls {shown(name)}, which is not on offer")
    return found


def _match(
    calls: Sequence[ToolCall],
    wanted: Sequence[W],
    compare: Callable[[ToolCall, W], Fault | None],
    ordered: bool,
) -> Match:
    if len(calls) != len(wanted):
        return Match(False, _miscounted(calls, wanted, compare))
    if ordered or len(calls) == 1:
        for index, (call, one) in enumerate(zip(calls, wanted, strict=True)):
            if (fault := compare(call, one)) is not None:
                return Match(False, Difference(index, one.name, *fault))
        return _MATCHED

    def fits(row: int, column: int) -> bool:
        call, one = calls[column], wanted[row]
        return call.name == one.name and compare(call, one) is None

    columns = assign(len(wanted), fits)
    row = next((row for row, column in enumerate(columns) if column is None), None)
    if row is None:
        return _MATCHED
    alone = [index for index in range(len(calls)) if index not in columns]
    nearest = next((index for index in alone if calls[index].name == wanted[row].name), alone[0])
    fault = compare(calls[nearest], wanted[row])
    assert fault is not None, "two that fit would have been paired"
    return Match(False, Difference(nearest, wanted[row].name, *fault))


def _miscounted(
    calls: Sequence[ToolCall],
    wanted: Sequence[W],
    compare: Callable[[ToolCall, W], Fault | None],
) -> Difference:
    """The first call that is missing, or that is too many."""
    count = len(wanted)
    expected = Phrase("no call" if not count else f"{count} call{'' if count == 1 else 's'}")
    got = Phrase(len(calls) or "none")
    spare = list(calls)
    for index, one in enumerate(wanted):
        fitting = next((call for call in spare if compare(call, one) is None), None)
        if fitting is None:
            if len(calls) < count:
                return Difference(index, one.name, "", Phrase(f"{expected} and this one"), got)
            continue
        spare.remove(fitting)
    first = spare[0] if spare else calls[-1]
    index = next(index for index, call in enumerate(calls) if call is first)
    return Difference(index, first.name, "", expected, got)
