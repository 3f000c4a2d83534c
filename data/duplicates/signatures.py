"""What is kept of a part to find duplicates: a file of signatures beside each part.

Guarantees: a signature file depends on the part's rows alone, and appears when it is whole. It
holds what comparing needs, so that parts are read once: the plain text, its MinHash bands, and
digests of what else has to be equal.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.curate.math_options import letter_of, options_of
from data.duplicates.formulas import formula_mark
from data.duplicates.shingles import bands, signatures
from data.errors import SourceError
from data.plain_text import plain, squeezed

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

COLUMNS: Final = (
    "id", "source", "task", "messages", "tools", "environment", "reference"
)  # fmt: skip
WITHOUT_SYSTEM: Final = frozenset({"math", "code"})
"""Tasks whose system message says how to answer, and is no part of what is asked."""
_SPREAD: Final = 0x9E3779B97F4A7C15  # odd, so that a sum of products tells sums of codes apart
_WORD: Final = (1 << 64) - 1
UNCOMPARED, MATH, EXACT = 0, 1, 2
"""How references are compared: not at all, by `math_equal`, as text."""
_NUMBER: Final = re.compile(r"\d+")
_ENUMERATED: Final = re.compile(r"(?:\(\d+\)|\d+[.)、:])(?!\d)")
_OPTION: Final = re.compile(r"\(?[A-J]\)[ :]*(?=\S)")
_LONGEST_LETTER: Final = 20  # characters of a reference that is a letter, such as `\\text{(C)}`


def sign_part(part: Path, out: Path) -> None:
    """Write the signatures of a part of records.

    Raises:
        SourceError: the part cannot be read, or the file cannot be written.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        rows = parquet.read_table(part, columns=[*COLUMNS])
    except (OSError, pyarrow.ArrowException) as error:
        raise SourceError(f"{part}: its signatures cannot be made: {_line(error)}") from error
    write_signed(rows, out)


def write_signed(rows: "pyarrow.Table", out: Path) -> None:
    """Write the signatures of rows; raises SourceError if the file cannot be written."""
    import pyarrow

    temporary = out.with_name(f".{out.name}.tmp")
    table = signed(rows)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            pyarrow.OSFile(str(temporary), "wb") as file,
            pyarrow.ipc.new_file(file, table.schema) as writer,
        ):
            writer.write_table(table)
        temporary.replace(out)
    except (OSError, pyarrow.ArrowException) as error:
        temporary.unlink(missing_ok=True)
        raise SourceError(f"{out}: cannot be written: {_line(error)}") from error


def _line(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]


def signed(rows: "pyarrow.Table") -> "pyarrow.Table":
    """The signatures of rows, as parquet files of records hold them.

    Columns: `id`; `source`; `text`, squeezed; `reference`, as it is compared; `compared`, how;
    `exact`, 16 bytes, equal where texts and their context are; `context`, of task, tools,
    environment and calls; `formulas`, of the text's names and signs; `numbers`, of its numbers in
    any order; `mask`, a bit or less for each of them; `bands`, 21 integers of 4 bytes; `sketch`, a
    byte for each permutation. A row without words has an empty `text`.
    """
    import numpy as np
    import pyarrow

    tasks = rows["task"].to_pylist()
    said, more = _said(rows["messages"], tasks)
    plain_texts = [plain(one) for one in said]
    texts = [squeezed(one) for one in plain_texts]
    contexts = _contexts(rows, tasks, more)
    references = rows["reference"].to_pylist()
    marks = [number_marks(numbers_of(text)) for text in texts]
    minhash = signatures(texts)
    return pyarrow.table(
        {
            "id": rows["id"].combine_chunks(),
            "source": rows["source"].combine_chunks(),
            "text": pyarrow.array(texts, pyarrow.large_string()),
            "reference": pyarrow.array(
                [_answer(task, reference, question)
                 for task, reference, question in zip(tasks, references, said, strict=True)],
                pyarrow.large_string(),
            ),
            "compared": pyarrow.array(
                [_compared(task, reference)
                 for task, reference in zip(tasks, references, strict=True)],
                pyarrow.uint8(),
            ),
            "exact": pyarrow.array(
                [_digest(context + text.encode("utf-8", "surrogatepass"))
                 for context, text in zip(contexts, texts, strict=True)],
                pyarrow.binary(16),
            ),
            "context": pyarrow.array([_integer(one) for one in contexts], pyarrow.uint64()),
            "formulas": pyarrow.array([formula_mark(one) for one in plain_texts], pyarrow.uint64()),
            "numbers": pyarrow.array([digest for digest, _ in marks], pyarrow.uint64()),
            "mask": pyarrow.array([mask for _, mask in marks], pyarrow.uint64()),
            "bands": _fixed(bands(minhash)),
            "sketch": _fixed((minhash & 0xFF).astype(np.uint8)),
        }
    )  # fmt: skip


def numbers_of(text: str) -> list[str]:
    """The runs of digits in a squeezed text, without one that it is counted by, as in `3. Find`."""
    counted = _ENUMERATED.match(text)
    return _NUMBER.findall(text, counted.end() if counted else 0)


def number_marks(numbers: Sequence[str]) -> tuple[int, int]:
    """A digest that is equal where the numbers are, in whatever order, and a mask of bits.

    Where all of a text's numbers are another's too, the bits of its mask are among those.
    """
    digest = mask = 0
    for number in numbers:
        code = zlib.crc32(number.encode())
        digest += (code + 1) * _SPREAD
        mask |= 1 << (code & 63)
    return digest & _WORD, mask


def _said(messages: "pyarrow.ChunkedArray", tasks: Sequence[str]) -> tuple[list[str], list[str]]:
    """What each row's messages say, and what else they hold, such as calls."""
    column = messages.combine_chunks()
    starts = column.offsets.to_pylist()
    parts = column.values
    roles, contents, others = (
        parts.field(name).to_pylist() for name in ("role", "content", "more")
    )
    said, more = [], []
    for row, task in enumerate(tasks):
        places = range(starts[row], starts[row + 1])
        if task in WITHOUT_SYSTEM:
            places = [at for at in places if roles[at] != "system"]  # type: ignore[assignment]
        said.append("\n".join([contents[at] or _parts(others[at]) for at in places]))
        more.append("".join([others[at] for at in places if others[at]]))
    return said, more


def _parts(more: str | None) -> str:
    """The text of a message whose content is a list of parts."""
    content = json.loads(more).get("content") if more else None
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def _contexts(rows: "pyarrow.Table", tasks: Sequence[str], more: Sequence[str]) -> list[bytes]:
    """A digest of what stands around each row's text."""
    tools, environments = rows["tools"].to_pylist(), rows["environment"].to_pylist()
    known: dict[tuple[str, ...], bytes] = {}
    found = []
    for around in zip(tasks, tools, environments, more, strict=True):
        if around not in known:
            known[around] = _digest(json.dumps(around).encode())
        found.append(known[around])
    return found


def _compared(task: str, reference: str | None) -> int:
    if reference is None or task == "code":  # two sets of tests may both be right
        return UNCOMPARED
    return MATH if task == "math" else EXACT


def _answer(task: str, reference: str | None, question: str) -> str:
    """What is compared of a reference: of an option its text, as letters say nothing elsewhere."""
    if reference is None or task == "code":
        return ""
    if task != "math":
        return reference
    if (option := _OPTION.match(reference)) is not None:
        return reference[option.end() :]
    letter = letter_of(reference) if len(reference) <= _LONGEST_LETTER else None
    return reference if letter is None else options_of(question).get(letter) or reference


def _fixed(rows: "NDArray[Any]") -> "pyarrow.FixedSizeBinaryArray":
    """The rows of an array, as bytes."""
    import pyarrow

    width = rows.shape[1] * rows.itemsize
    held = pyarrow.py_buffer(rows.tobytes())
    return pyarrow.Array.from_buffers(pyarrow.binary(width), len(rows), [None, held])


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()


def _integer(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "little")
