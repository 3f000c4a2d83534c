"""Values that JSON does not know arrive as text, so that a checkpoint can hold the prompt."""

import datetime
import decimal
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.sources import load_prompts


def test_dates_decimals_and_bytes_become_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    row = {
        "prompt": "1+1",
        "answer": "2",
        "when": datetime.datetime(2024, 5, 6),
        "price": decimal.Decimal("1.50"),
        "raw": b"ab",
        "nested": {"day": datetime.date(2024, 5, 6)},
    }
    pq.write_table(pa.Table.from_pylist([row]), path)
    (prompt,) = load_prompts(path)
    assert json.loads(json.dumps(dict(prompt.metadata))) == prompt.metadata
    assert prompt.metadata["price"] == "1.50"
    assert prompt.metadata["nested"] == {"day": "2024-05-06"}
