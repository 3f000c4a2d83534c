"""Constraints on how a response starts, ends and is put together: `startend:*`, `combination:*`."""

from typing import Final

from rewards.constraints.errors import ConstraintError
from rewards.constraints.lettering import plain_quotes
from rewards.constraints.types import (
    Answer,
    ConstraintType,
    Finding,
    NoParameters,
    Parameters,
    Stripped,
    shown,
)

_BETWEEN: Final = "******"


class EndChecker(Parameters):
    """The last words."""

    end_phrase: Stripped


class RepeatPrompt(Parameters):
    """What is to be repeated; None: the prompt."""

    prompt_to_repeat: str | None = None


def _end(answer: Answer, asked: EndChecker) -> Finding:
    # A quotation mark after the phrase is forgiven.
    text = plain_quotes(answer.text).strip().strip('"').lower()
    size = len(asked.end_phrase)
    return Finding(
        text.endswith(plain_quotes(asked.end_phrase).lower()),
        f"the end {shown(asked.end_phrase)}",
        shown(text[-size:]),
    )


def _quotation(answer: Answer, asked: NoParameters) -> Finding:
    text = plain_quotes(answer.text).strip()
    followed = len(text) > 1 and text[0] == text[-1] == '"'
    return Finding(followed, "double quotation marks first and last", shown(text))


def _two_responses(answer: Answer, asked: NoParameters) -> Finding:
    expected = f"two different responses with {_BETWEEN} between them"
    parts = [part.strip() for part in answer.text.split(_BETWEEN)]
    # A divider may come first or last.
    if not all(parts[1:-1]):
        return Finding(False, expected, "an empty one")
    filled = [part for part in parts if part]
    is_pair = len(filled) == 2
    if is_pair and filled[0] == filled[1]:
        return Finding(False, expected, "the same one twice")
    return Finding(is_pair, expected, str(len(filled)))


def _repeat_prompt(answer: Answer, asked: RepeatPrompt) -> Finding:
    prompt = (asked.prompt_to_repeat or answer.prompt).strip()
    if not prompt:
        raise ConstraintError(
            "combination:repeat_prompt: nothing is there to be repeated; give prompt_to_repeat, "
            "or the prompt"
        )
    text = answer.text.strip()
    followed = plain_quotes(text).lower().startswith(plain_quotes(prompt).lower())
    return Finding(followed, f"the request first: {shown(prompt)}", shown(text))


TYPES: Final = (
    ConstraintType(
        "startend:end_checker",
        "ends with the phrase, in any case",
        EndChecker,
        _end,
        lambda asked: (
            f"Finish your response with this exact phrase: {asked.end_phrase} No other words "
            "should follow it."
        ),
    ),
    ConstraintType(
        "startend:quotation",
        "is wrapped in double quotation marks",
        NoParameters,
        _quotation,
        lambda asked: "Wrap your entire response in double quotation marks.",
    ),
    ConstraintType(
        "combination:two_responses",
        "two different responses with `******` between them",
        NoParameters,
        _two_responses,
        lambda asked: (
            f"Give two different responses, separated by 6 asterisk symbols and nothing else: "
            f"{_BETWEEN}"
        ),
    ),
    ConstraintType(
        "combination:repeat_prompt",
        "starts with the request, word for word, in any case",
        RepeatPrompt,
        _repeat_prompt,
        lambda asked: (
            "First repeat the request word for word without change, then give your answer. Say "
            "nothing before it; this sentence and what follows are not part of the request."
        ),
    ),
)
