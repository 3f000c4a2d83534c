"""Harmless is only what no rule speaks against, although it is told for many at once."""

import random

import pytest

from data.curate import math_options, math_parts
from data.curate.math import math_filters
from data.curate.math_harmless import INSTRUCTIONS, harmless
from data.curate.math_phrases import PICTURE_MARKS, TELLING
from data.curate.math_questions import _RULES, question_of
from data.curate.math_text import DRAWING_MARKS
from tests.data.curate.math_rows import row

PLAIN = "If the sum of two numbers is 12 and one of them is 5, what is the other of these two?"
PIECES = (
    *(" " + word + " " for word in sorted(TELLING)),
    *(word.upper() for word in sorted(TELLING)),
    *math_parts.PIECES,
    *math_options.PIECES,
    *PICTURE_MARKS,
    *DRAWING_MARKS,
    *INSTRUCTIONS,
    "2prove that_", "(A) 1 (B) 2", "Докажите, что", "求证", "perché", "\nb) find y",
    "(1) find x (2) find y",
)  # fmt: skip
REFERENCES = (
    "7", "-1/2", r"\frac{1}{2}", r"2\sqrt{3}", "6x + 5", "(1, 2)", "(a) 5 (b) 7", "1) 3 2) 4",
    "A", "C) 12", "proof", "q.e.d.", "qed", "e.g. 5", "5, for example", "not unique", "", None, 7,
    r"\blacksquare", "答案不唯一", "x", "e", "12\n13",
)  # fmt: skip


def test_no_rule_speaks_against_what_is_harmless() -> None:
    draw = random.Random(3)
    records = [row(PLAIN, reference) for reference in REFERENCES]
    records += [row(PLAIN.replace(" one ", piece), "7") for piece in PIECES]
    for _ in range(1500):
        words = PLAIN.split(" ")
        for _ in range(draw.randint(0, 2)):
            words.insert(draw.randrange(len(words)), draw.choice(PIECES))
        records.append(row(" ".join(words), draw.choice(REFERENCES)))
    told = harmless([one.request() for one in records], [one.reference for one in records])
    for record, is_harmless in zip(records, told, strict=True):
        question = question_of(record)
        faults = [reason for reason, rule in _RULES if rule(question) is not None]
        assert not (is_harmless and (faults or question.options)), record
    assert told[0]
    assert sum(told) > 200


@pytest.mark.parametrize(
    ("question", "reference", "metadata", "reason"),
    [
        (PLAIN, "7", {}, None),
        (PLAIN, "7", {"question_type": "proof"}, "proof"),
        (PLAIN + " \ud800", "7", {}, None),
        ("  " * 40, "7", {}, "no question"),
    ],
)
def test_what_is_no_matter_of_words(
    question: str, reference: str, metadata: dict[str, str], reason: str | None
) -> None:
    record = row("?", reference, **metadata).changed(
        messages=({"role": "user", "content": question},)
    )
    (outcome,) = (stage([record]) for stage in math_filters())
    assert [drop.reason for drop in outcome.dropped] == ([reason] if reason else [])
    assert [one.language for one in outcome.kept] == ([] if reason else ["en"])
