"""What the data says about a code task: tests, language and limits, read before any answer.

Guarantee: what no program could be graded by is refused here, from the data alone, as one line
"kind: detail": "reference" where it cannot be read, "trust" where its tests are below the level
that is wanted, "tests" where they have nothing to run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import ValidationError

from rewards.code.languages import language_of
from rewards.types import TRUST
from sandbox import Limits, Trust
from sandbox.errors import RequestError, TestsError
from sandbox.harness import why_unusable
from sandbox.judge import parse_tests
from sandbox.trust import trust_of
from sandbox.types import AnyTests, CheckTests, HarnessTests, Language

LANGUAGES: Final = get_args(Language)


class RefusedError(Exception):
    """No program could be graded by what the data says; the message is "kind: detail"."""


@dataclass(frozen=True, slots=True)
class CodeTask:
    """What a sample's data says.

    Attributes:
        tests: What the program is judged by.
        language: What it must be written in; None: nothing is said, and the tests fit any.
        limits: What one run of it may take.
    """

    tests: AnyTests
    language: Language | None
    limits: Limits


def read_task(
    reference: object,
    language: str | None,
    limits: Mapping[str, Any] | str | None,
    *,
    default_language: Language = "python",
    default_limits: Limits | None = None,
    trust: Trust = Trust.CHECKER,
) -> CodeTask:
    """Read a reference, and the columns `language` and `limits` beside it.

    Args:
        reference: The tests as an object or its JSON text, maybe with `language` and `limits`.
        language: What the programs are written in, where the reference does not say.
        limits: Single limits that differ from the default, where the reference does not say.
        default_language: What a test script is written in where nothing else says.
        default_limits: What one run may take where nothing else says; None: the sandbox's own.
        trust: The level that the tests must reach.

    Raises:
        RefusedError: No program could be graded by it.
    """
    task = _described(reference, language, limits, default_language, default_limits or Limits())
    # Without a language these are tests of any, by input and output or by calls.
    read_as = task.language or default_language
    try:
        level = trust_of(task.tests, read_as)
    except TestsError as error:
        raise RefusedError(f"tests: {error}") from error
    if not level.reaches(trust):
        raise RefusedError(distrust(level, trust))
    if (why := why_unusable(task.tests, read_as)) is not None:
        raise RefusedError(f"tests: {why}")
    return task


def distrust(level: Trust, wanted: Trust) -> str:
    """Why tests of a level are not paid for."""
    return (
        f"{TRUST}: a verdict of these tests is {in_words(level)}, and a reward is paid at "
        f"{in_words(wanted)} or better; use tests of kind stdio or calls, or set the option "
        f"trust to {level}"
    )


def in_words(value: str) -> str:
    """A status or a level as it is written in a sentence."""
    return value.replace("_", " ")


def _described(
    reference: object,
    language: str | None,
    limits: Mapping[str, Any] | str | None,
    default_language: Language,
    default_limits: Limits,
) -> CodeTask:
    described = _mapping(reference, "it")
    stated = described.pop("language", None) or language
    changed = _mapping(described.pop("limits", None) or limits or {}, "limits")
    try:
        tests = parse_tests(described)
        allowed = Limits.model_validate({**default_limits.model_dump(), **changed})
    except RequestError as error:
        raise RefusedError(f"reference: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, ("limits", *fault["loc"])))
        raise RefusedError(f"reference: {place}: {fault['msg']}") from error
    if isinstance(tests, CheckTests):
        return CodeTask(tests, "python", allowed)
    asked = _language(stated)
    if isinstance(tests, HarnessTests):
        asked = asked or default_language
    return CodeTask(tests, asked, allowed)


def _mapping(value: object, name: str) -> dict[str, Any]:
    """An object, or the JSON text of one, without the keys that a table filled with null."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RefusedError(f"reference: {name} is text, and no JSON: {error}") from error
    if not isinstance(value, Mapping):
        raise RefusedError(f"reference: {name} is {type(value).__name__}, not an object")
    return {key: one for key, one in value.items() if one is not None}


def _language(stated: object) -> Language | None:
    if not stated:
        return None
    known = language_of(str(stated))
    if known is None:
        raise RefusedError(
            f"reference: there is no language {stated!r}; use {', '.join(LANGUAGES)}"
        )
    return known
