"""Whatever a question or a reference is, each record comes out once, and soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.curate.math import math_checks, math_filters
from data.schema import Record
from tests.data.curate.math_rows import row

SECONDS = 60.0  # of the processor, for texts that take milliseconds where time is linear
TIMES = 30_000
REPEATED = [
    "A) ", "B) A) ", "(a) (b) ", "1) 2) ", "$", "$$ ", "\\( ", "\\[ ", "\\begin{array} ", "[asy] ",
    "why ", "why not ", "show, ", "prove ", "| ", "|a", " ", "\n", "\t|", "which of the following ",
    "in the figure ", "почему ", "证明", "如图", "下列", "(", ")", "\\textbf{(A)} ", "\\boxed{} a",
    "{ ", "a", "1", "-", "\\frac", "the ", "é", "<table", "![", "#### ", "step by step ", "part a ",
]  # fmt: skip
PIECE = st.sampled_from([*REPEATED, "Find $x$. ", "?", "B", "12", "(B) 7 ", "Prove that ", "求"])


def _all_stages(records: list[Record]) -> tuple[list[Record], int]:
    kept, dropped = records, 0
    for stage in (*math_filters(), *math_checks()):
        outcome = stage(kept)
        assert len(outcome.kept) + len(outcome.dropped) == len(kept)
        kept, dropped = list(outcome.kept), dropped + len(outcome.dropped)
    return kept, dropped


@pytest.mark.parametrize("where", ["question", "reference", "solution"])
def test_long_texts_of_any_kind_end_soon(where: str) -> None:
    began = time.process_time()
    for piece in REPEATED:
        long = (piece * TIMES)[: 3 * TIMES]
        texts = {"question": "B: a ", "reference": "7", "solution": "#### 7", where: long}
        _all_stages([row(texts["question"], texts["reference"], solution=texts["solution"])])
        assert time.process_time() - began < SECONDS, piece


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(PIECE, max_size=6), st.lists(PIECE, max_size=4)), max_size=4))
def test_each_record_is_kept_or_dropped(texts: list[tuple[list[str], list[str]]]) -> None:
    records = [row("".join(question), "".join(answer)) for question, answer in texts]

    kept, dropped = _all_stages(records)

    assert len(kept) + dropped == len(records)
    assert math_filters()[0](records).kept == math_filters()[0](records).kept
