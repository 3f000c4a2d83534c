"""Which references are complete: one is there, it is read, and the row does not contradict it."""

import pytest

from data.curate.math_references import REASONS, MathReferences
from data.curate.math_verifiable import MathVerifiable
from tests.data.curate.math_rows import row

DROPPED: list[tuple[str, object, dict[str, object]]] = [
    ("no reference", None, {}),
    ("no reference", "  ", {}),
    ("no reference", "not found", {}),
    ("no reference", "see figure", {}),
    ("no reference", "\\text{Answer omitted}", {}),
    ("no reference", "见解析", {}),
    ("no reference", "см. решение", {}),
    ("unreadable reference", "\\boxed{5", {}),
    ("unreadable reference", "\\frac{1}{2", {}),
    ("unreadable reference", "We see that the two sides are equal and so the claim holds.", {}),
    ("unreadable reference", "三组对面分别平行的四棱柱为平行六面体", {}),
    ("unreadable reference", "x" * 5_000, {}),
    ("unreadable reference", [], {}),
    ("unreadable reference", True, {}),
    ("references disagree", "5", {"answers": ["6"]}),
    ("references disagree", "\\frac{1}{2}", {"answers": ["0.5", "0.6"]}),
    ("references disagree", "(1, 2)", {"answers": "(2, 1)"}),
    ("references disagree", "5", {"answers": ["it is not known"]}),
    ("reference contradicts solution", "5", {"solution": "So it is \\boxed{6}."}),
    ("reference contradicts solution", "18", {"solution": "9+10=19\n#### 19"}),
    ("reference contradicts solution", "x=3", {"solution": "$x=3$ or $x=4$: \\boxed{3, 4}"}),
    ("reference contradicts solution", "B", {"solution": "Only \\boxed{C} fits."}),
    ("reference contradicts solution", "12", {"solution": "\\boxed{\\textbf{(D)}\\ 13}"}),
    ("reference contradicts solution", "C) 12", {"solution": "\\boxed{\\textbf{(D)}\\ 13}"}),
    ("reference contradicts solution", "\\text{Ann}", {"solution": "It was \\boxed{\\text{Bob}}."}),
]  # fmt: skip

KEPT: list[tuple[object, dict[str, object]]] = [
    ("5", {"answers": ["5.0", "\\frac{10}{2}"]}),
    ("5", {"answers": []}),
    ("5", {"answers": None, "solution": ""}),
    ("(1, 2)", {"answers": "\\left(1,2\\right)"}),
    ("1,234", {"solution": "so 1234\n#### 1,234"}),
    ("72", {"solution": "48+24 = <<48+24=72>>72 clips\n#### 72"}),
    ("\\frac{1}{2}", {"solution": "first \\boxed{3}, in the end \\boxed{\\dfrac12}"}),
    ("x^2+2x+1", {"solution": "it is \\boxed{(x+1)^2}"}),
    ("5", {"solution": "it is \\boxed{5\\text{ cm}}"}),
    ("C) 12", {"solution": "\\boxed{C}"}),
    ("C) 12", {"solution": "\\boxed{12}"}),
    ("C) 12", {"solution": "\\boxed{\\textbf{(C)}\\ 12}"}),
    ("12", {"solution": "\\boxed{C}"}),  # the letter of an option
    ("5", {"solution": "It says nothing in the end."}),
    ("5", {"solution": "It ends in the middle of \\boxed{5"}),
    ("5", {"solution": "\\boxed{\\text{see the remark above for the value}}"}),
    (5, {}),
    (["1", "2"], {}),
    ("\\text{Tuesday}", {}),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "reference", "metadata"), DROPPED)
def test_what_is_incomplete_is_dropped_with_its_reason(
    reason: str, reference: object, metadata: dict[str, object]
) -> None:
    record = row("What is it?", reference, **metadata)

    (drop,) = MathReferences()([record]).dropped

    assert (drop.reason, drop.stage, drop.record) == (reason, "math references", record)
    assert drop.detail
    assert drop.reason in REASONS


@pytest.mark.parametrize(("reference", "metadata"), KEPT)
def test_what_agrees_is_kept(reference: object, metadata: dict[str, object]) -> None:
    record = row("What is it?", reference, **metadata)

    outcome = MathReferences()([record])

    assert ([drop.detail for drop in outcome.dropped], outcome.kept) == ([], [record])


@pytest.mark.parametrize("reference", [None, "not found", ""])
def test_records_without_a_reference_may_go_on_to_get_one(reference: str | None) -> None:
    records = [row("What is it?", reference), row("What is it?", "\\boxed{5")]

    outcome = MathReferences(without="keep")(records)

    assert [record.reference for record in outcome.kept] == [None]
    assert [drop.reason for drop in outcome.dropped] == ["unreadable reference"]
    assert MathVerifiable()(outcome.kept).kept == outcome.kept
