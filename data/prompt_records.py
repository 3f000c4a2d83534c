"""Records from whatever prompts can be read from, so that what is learnt of them can be kept.

Guarantees: records of a file or folder of records come as they are, one after the other; any other
source that `load_prompts` reads gives a record a prompt, under its content's id. What is asked is
never changed here: wording around prompts belongs to the run that asks them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data.builtin import PREFIX
from data.compressed import kind_of, opened
from data.errors import PromptError, SourceError
from data.files import read_rows
from data.records import is_records, parts_of, read_records
from data.schema import Prompt, Record
from data.sources import load_prompts


def open_records(source: str, **columns: Any) -> Iterator[Record]:
    """The records of a source, in its order.

    Args:
        source: a file or folder of records, or anything that `load_prompts` reads.
        columns: which columns hold what, as `load_prompts` takes them; records have none to choose.

    Raises:
        DataError: the source or one of its rows cannot be used.
    """
    if holds_records(source):
        yield from read_records(Path(source))
        return
    name = source.partition("?")[0] if source.startswith(PREFIX) else Path(source).name
    for prompt in load_prompts(source, **columns):
        yield record_of_prompt(prompt, name)


def holds_records(source: str) -> bool:
    """Whether a source is a file or a folder of records."""
    if source.startswith(PREFIX):
        return False
    path = Path(source)
    if path.is_dir():
        return True
    first = next(read_rows(path), None)
    return first is not None and is_records(first.columns)


def files_of(source: str) -> list[Path]:
    """The files behind a source; none behind a built-in one."""
    if source.startswith(PREFIX):
        return []
    path = Path(source)
    return parts_of(path) if path.is_dir() else [path]


def _rows_of_parquet(path: Path) -> int:
    import pyarrow
    from pyarrow import parquet

    try:
        return int(parquet.read_metadata(path).num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise SourceError(f"{path}: not a readable parquet file: {reason}") from error


def rows_of(source: str) -> int | None:
    """How many rows a source of files has; None where that takes reading all of it as JSON."""
    total = 0
    for path in files_of(source):
        if path.suffix.lower() == ".parquet":
            total += _rows_of_parquet(path)
        elif kind_of(path) == ".jsonl":
            with opened(path) as lines:
                total += sum(1 for line in lines if line.strip())
        else:
            return None
    return total or None


def record_of_prompt(prompt: Prompt, source: str) -> Record:
    """The record of a prompt that came from elsewhere.

    Raises:
        PromptError: it holds what no file of records can.
    """
    try:
        return Record.model_validate(
            {
                "messages": [dict(message) for message in prompt.messages],
                "task": prompt.task,
                "reference": prompt.reference,
                "tools": [dict(tool) for tool in prompt.tools],
                "source": source,
                "source_id": prompt.id,
                "metadata": dict(prompt.metadata),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise PromptError(
            f"{source}: prompt {prompt.id!r}: {field}: {first['msg']}; mend or remove the row"
        ) from error
