"""The verifier "tool": +1 where an answer's calls are right in format and content, else -1.

The rule is that of the TeleChat2 report, section 4.3: the reward is `correct` if and only if
M_format = 1 and M_content = 1. M_format is 0 where a call was attempted and cannot be read, or,
with `validate_schema`, where a call does not fit the tools' schemas; M_content is 1 where the calls
match the reference. An empty reference is matched by a text without calls, not by silence. An
answer that was cut (`stop_reason` "length") is judged by what it has: its calls count if each is
complete.

A reference or tools that cannot be read are ungradable ("reference: ...", "tools: ...").
"""

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from rewards.registry import verifier
from rewards.thinking import says_something
from rewards.tools.errors import CallsError, ToolReferenceError, ToolsError
from rewards.tools.formats.table import Format
from rewards.tools.match import Mode, match_calls
from rewards.tools.parse import parse_bare, parse_calls
from rewards.tools.reference import turn_of
from rewards.tools.schema import validate_calls
from rewards.tools.types import Match, Parsed
from rewards.types import Sample, Verdict


def _warm_up() -> None:
    validate_calls((), ({"name": "warm_up", "parameters": {}},))


@verifier("tool", on_crash="incorrect", warm_up=_warm_up)
class Tool(BaseModel):
    """Compares the calls of a response with the reference."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    format: Format = "auto"
    """How calls are written; `auto` recognises it."""
    mode: Mode = "exact"
    """`exact`: the reference's arguments; `accept`: BFCL's lists of allowed values. A sample's
    column `mode` wins."""
    ordered: bool = False
    """Whether the order of several calls counts."""
    validate_schema: bool = False
    """Whether calls have to fit the schemas of the sample's tools as well."""
    language: Literal["auto", "python", "java", "javascript"] = "auto"
    """What the tools' functions are written in, for mode `accept`: in Java and JavaScript arguments
    are source text. `auto`: by the declared types. A sample's column `language` wins."""
    correct: float = 1.0
    """The reward of an answer that is right."""
    incorrect: float = -1.0
    """The reward of any other answer."""
    bare: bool = False
    """Whether the response is nothing but a JSON list of calls."""

    def __call__(
        self,
        sample: Sample,
        *,
        mode: str | None = None,
        turn: int | None = None,
        language: str | None = None,
        tools: Any = None,
    ) -> Verdict:
        """Judge the calls of a response; `mode`, `turn` and `language` are columns of the data."""
        try:
            offered = _tools(tools or sample.metadata.get("tools"))
            turn_of(sample.reference, turn)
            parsed = self._parsed(sample, offered)
            match = match_calls(
                parsed.calls,
                sample.reference,
                mode=mode or self.mode,
                ordered=self.ordered,
                tools=offered,
                turn=turn,
                language=language or self.language,
            )
            return self._verdict(parsed, match, offered)
        except (ToolReferenceError, CallsError) as error:
            return Verdict.ungradable(f"reference: {error}")
        except ToolsError as error:
            return Verdict.ungradable(f"tools: {error}")

    def _parsed(self, sample: Sample, tools: Sequence[Any]) -> Parsed:
        if self.bare:
            return parse_bare(sample.response)
        return parse_calls(
            sample.response, format=self.format, tools=tools, thinking=sample.thinking
        )

    def _verdict(self, parsed: Parsed, match: Match, tools: Sequence[Any]) -> Verdict:
        invalid = validate_calls(parsed.calls, tools) if self.validate_schema and tools else None
        if parsed.fault is not None or invalid is not None:
            reason = f"format: {invalid if parsed.fault is None else parsed.fault}"
            return Verdict.incorrect(self.incorrect, reason, format=0.0, content=0.0)
        if not match:
            reason = f"content: {match.difference}"
            return Verdict.incorrect(self.incorrect, reason, format=1.0, content=0.0)
        count = len(parsed.calls)
        if not count and not self.bare and not _says_something(parsed.text):
            reason = "content: neither a call nor a text"
            return Verdict.incorrect(self.incorrect, reason, format=1.0, content=0.0)
        reason = f"matches: {count or 'no'} call{'' if count == 1 else 's'}"
        return Verdict.correct(self.correct, reason, format=1.0, content=1.0)


def _says_something(text: str) -> bool:
    return text == "[]" or says_something(text)  # the empty list says that nothing is called


def _tools(value: Any) -> Sequence[Any]:
    """A list of tools, or its JSON text; none where a row has none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ToolsError(f"they are text, and no JSON: {error}") from error
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ToolsError(f"they are {type(value).__name__}, not a list")
    return value
