"""Rows of mathematics as public sets have them, in several languages."""

from typing import Any

from data.schema import Record


def row(question: str, reference: Any = "7", **metadata: Any) -> Record:
    """A record of the task math."""
    return Record(
        messages=({"role": "user", "content": question},),
        task="math",
        reference=reference,
        metadata=metadata,
    )
