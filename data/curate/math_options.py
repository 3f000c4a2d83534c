r"""The options of a multiple-choice question, and the reference as one of them.

    ... What is the radius? $\textbf{(A)}\ 4 \qquad \textbf{(B)}\ 5$     A: 4, B: 5

Guarantees: linear in the text's length. Where an option's text is not read with certainty, it is
empty, and the letter alone counts.
"""

import re
from collections.abc import Mapping
from typing import Final

from data.curate.math_text import holds
from rewards.math.equal import decide
from rewards.math.references import alternatives

_LETTERS: Final = "ABCDEFGHIJ"
_CYRILLIC: Final = "АБВГДЕЖЗИК"
PIECES: Final = (
    "B)",
    "B.",
    "{B",
    "B:",
    "B、",
    "B．",
    "B：",
    "B）",
    "B}",
    "B*",
    "Б)",
    "Б.",
    "Б:",
    "Б}",
)
"""One of these is in each question with options."""
_STYLE: Final = r"\\(?:textbf|text|mathrm|mathbf|rm|bf|textrm)\s*\{\s*"
_LABEL: Final = re.compile(
    r"(?:(?<![^\W_])|(?<=qquad)|(?<=quad))"
    rf"(?:\$?{_STYLE}[(（]\s*(?P<styled>[A-JА-К])\s*[)）](?:\s|\\[ ,;:])*\}}"
    rf"|\$?{_STYLE}(?P<dotted>[A-JА-К])\s*(?:[)）.:]\s*\}}|\}}\s*[)）])"
    r"|[(（]\s*\$?(?:\\(?:mathrm|text|textbf|mathbf|rm)\s*\{\s*)?(?P<bracketed>[A-JА-К])\s*\}?\$?\s*[)）]"
    r"|\$?\\(?:bf|rm|textbf)\s+\((?P<old>[A-J])\)"
    r"|\*{0,2}(?P<plain>[A-JА-К])\*{0,2}\s?[)）、]"
    r"|\*{0,2}(?P<stopped>[A-JА-К])\*{0,2}\s?[.．:：](?=\s|\S))"
)
_SPACE: Final = r"\s|\\[ ,;:!]|~|\\q?quad|\\indent|\\newline"
_TRIM: Final = re.compile(
    rf"^(?:{_SPACE}|[:：.])+"
    rf"|(?:{_SPACE}|\\\\|[;；,，、]|\\(?:mathrm|textbf|text|mathbf|rm)\s*\{{)+$"
)
_SINGLE: Final = re.compile(
    r"\$?(?:\\(?:textbf|text|mathrm|mathbf|textrm|boxed)\s*\{)?\s*[(（]?\s*([A-JА-К])\s*[)）.]?\s*\}?\$?\.?"
)
MOST_STARTS: Final = 10  # labels `A` from which options are looked for
LONGEST_READ: Final = 2_000  # characters of an option that are read
LONGEST_OPTION: Final = 200  # characters of an option that a reference carries
"""Longer options are given by their letters."""


def options_of(question: str) -> dict[str, str]:
    """The options by letter, in order; empty where there are none.

    Letters count from A without a gap; a question that says "A) ..." alone has no options.
    """
    if "B" not in question and question.isascii():
        return {}
    if not holds(question, PIECES):
        return {}
    labels = [(next(filter(None, found.groups())), found) for found in _LABEL.finditer(question)]
    best: list[tuple[str, re.Match[str]]] = []
    starts = [at for at, (letter, _) in enumerate(labels) if letter in ("A", "А")]
    for at in starts[:MOST_STARTS]:
        letter = labels[at][0]
        run = _run(labels[at:], _CYRILLIC if letter == "А" else _LETTERS)
        if len(run) >= max(_least(run), len(best)):
            best = run
    ends = [found.start() for _, found in best[1:]] + [len(question)]
    return {
        letter: _option(question[found.end() : end])
        for (letter, found), end in zip(best, ends, strict=False)
    }


def labelled(text: str) -> tuple[str, str] | None:
    r"""Letter and value of an answer that gives both, `\textbf{(C)}\ 12`; None for others."""
    found = _LABEL.match(text.strip().removeprefix("$"))
    if found is None or found["plain"] or found["stopped"]:
        return None
    return next(filter(None, found.groups())), _option(
        text.strip().removeprefix("$")[found.end() :]
    )


def letter_of(reference: str) -> str | None:
    r"""The letter that is all of a reference: `C`, `(C)`, `\text{(C)}`."""
    found = _SINGLE.fullmatch(reference.strip())
    return found[1] if found else None


def chosen(reference: str, options: Mapping[str, str]) -> str | None:
    """The letter of the one option that a reference is, by letter or by value; else None."""
    letter = letter_of(reference)
    if letter is not None:
        return letter if letter in options else None
    same = [one for one, value in options.items() if value and decide(reference, value).same]
    return same[0] if len(same) == 1 else None


def as_reference(reference: str, letter: str, options: Mapping[str, str]) -> str:
    """The reference that letter and value both answer, `C) 12`; as it was, if there is none."""
    value = options[letter] if letter_of(reference) else reference
    both = f"{letter}) {value}"
    if not value or len(value) > LONGEST_OPTION or letter not in _LETTERS:
        return reference
    return both if alternatives(both) == (both, letter, value) else reference


def _run(labels: list[tuple[str, re.Match[str]]], alphabet: str) -> list[tuple[str, re.Match[str]]]:
    run: list[tuple[str, re.Match[str]]] = []
    for letter, found in labels:
        if len(run) < len(alphabet) and letter == alphabet[len(run)]:
            run.append((letter, found))
    return run


def _least(run: list[tuple[str, re.Match[str]]]) -> int:
    """How many labels make options: `A.` may also end a sentence, and `B.` another one."""
    return 3 if any(found["stopped"] for _, found in run[:2]) else 2


def _option(text: str) -> str:
    """An option's text without what stands around it, such as the dollar of a shared pair."""
    text = text[:LONGEST_READ].split("\n\n", maxsplit=1)[0]
    for _ in range(3):
        text = _TRIM.sub("", text)
    if text.count("$") % 2:
        text = text.removesuffix("$") if text.endswith("$") else text.removeprefix("$")
    if text.endswith("}") and text.count("}") > text.count("{"):
        text = text[:-1]
    text = _TRIM.sub("", text.removesuffix("."))
    if text.startswith("$") and text.endswith("$") and text.count("$") == 2:
        text = text[1:-1].strip()
    return text if text.count("$") % 2 == 0 else ""
