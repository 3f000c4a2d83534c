"""Rows of `plumb verify` may say whether the prompt had opened the thinking; verdicts follow it."""

import json
from pathlib import Path

import pytest

from launch.verify.rows import read_batches
from rewards import Use, load_verifier

CUT = "So far I have \\boxed{4}"  # before its thinking closed, if the prompt opened it
MARKED = "I boxed \\boxed{4} after </think>."  # the mark is text, if nothing was opened
CLOSED = "hm, \\boxed{3}</think>\\boxed{4}"
ROWS = [
    (CUT, "open", False, False),
    (CUT, "none", True, False),
    (CUT, None, True, False),
    (MARKED, "none", True, False),
    (MARKED, "open", False, True),
    (MARKED, None, True, False),  # a box stands before the mark
    (CLOSED, "open", True, True),
    ("hm.</think>\\boxed{4}", None, True, True),
    ("hm.</think>\\boxed{4}", "none", True, False),
    ("<think>hm</think>\\boxed{4}", "none", True, True),
    ("<think>hm \\boxed{4}", "none", False, False),
]


@pytest.mark.parametrize(("response", "thinking", "is_right", "is_formed"), ROWS)
def test_a_row_says_whether_thinking_was_open(
    response: str, thinking: str | None, is_right: bool, is_formed: bool, tmp_path: Path
) -> None:
    row = {"id": 1, "response": response, "reference": "4"}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row | ({"thinking": thinking} if thinking else {})))
    ((answer,),) = [batch.answers for batch in read_batches(str(path), "math")]
    assert load_verifier("math").judge(answer.sample).is_correct is is_right
    formed = Use("format", {"style": "think"}).load()
    assert formed.judge(answer.sample).is_correct is is_formed
