"""All signature files of a data set side by side: a row is known by its number over all parts.

Guarantees: what grows with the data lies in memory maps or is read when it is asked for, so that a
million rows take tens of megabytes of memory.
"""

import bisect
import mmap
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.duplicates.shingles import BANDS, PERMUTATIONS
from data.errors import SourceError

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

COLUMNS: Final = (
    "id", "source", "text", "reference", "compared", "exact", "context", "formulas", "numbers",
    "mask", "bands", "sketch",
)  # fmt: skip
_OPEN_FILES: Final = 32


class Gathered:
    """The rows of signature files, in the files' order.

    Attributes:
        rows: how many there are.
        starts: the first row of each file, and `rows` at the end.
        bands: an array of bands by rows.
        sketch: an array of rows by permutations.
        exact: two integers a row, equal where text and context are; None of the rows without text.
        context, formulas, numbers, mask, compared: as signature files have them.
        has_text: whether a row has words.
    """

    def __init__(self, files: Sequence[Path], scratch: Path) -> None:
        import numpy as np

        self._files = files
        self._tables: OrderedDict[int, Any] = OrderedDict()
        self._maps: list[mmap.mmap] = []
        lengths = [self._table(at).num_rows for at in range(len(files))]
        self.starts = [0, *np.cumsum(lengths, dtype=int).tolist()]
        self.rows = self.starts[-1]

        def mapped(name: str, kind: Any, shape: tuple[int, ...]) -> "NDArray[Any]":
            if not self.rows:
                return np.zeros(shape, kind)
            made = np.memmap(scratch / name, kind, "w+", shape=shape)
            if isinstance(made.base, mmap.mmap):
                self._maps.append(made.base)
            return made

        self.bands = mapped("bands", np.uint32, (BANDS, self.rows))
        self.sketch = mapped("sketch", np.uint8, (self.rows, PERMUTATIONS))
        self.exact = mapped("exact", np.uint64, (2, self.rows))
        self.context = mapped("context", np.uint64, (self.rows,))
        self.formulas = mapped("formulas", np.uint64, (self.rows,))
        self.numbers = mapped("numbers", np.uint64, (self.rows,))
        self.mask = mapped("mask", np.uint64, (self.rows,))
        self.compared = np.zeros(self.rows, np.uint8)
        self.has_text = np.zeros(self.rows, bool)
        for at in range(len(files)):
            self._take(at)
            if at % _OPEN_FILES == 0:
                self.release()

    def texts(self, rows: Iterable[int]) -> dict[int, str]:
        """The squeezed texts of rows."""
        return self._strings("text", rows)

    def references(self, rows: Iterable[int]) -> dict[int, str]:
        """The references of rows."""
        return self._strings("reference", rows)

    def ids(self, rows: Iterable[int]) -> dict[int, str]:
        """The ids of rows, with the source where one is known."""
        rows = [*rows]
        ids, sources = self._strings("id", rows), self._strings("source", rows)
        return {row: f"{ids[row]} of {sources[row]}" if sources[row] else ids[row] for row in rows}

    def release(self) -> None:
        """Let the system have back the memory that maps take; what is in them stays as it is."""
        self._tables.clear()
        for one in self._maps:
            one.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Let go of files and memory maps."""
        self._tables.clear()
        self._maps.clear()
        del self.bands, self.sketch, self.exact, self.context
        del self.formulas, self.numbers, self.mask

    def _take(self, at: int) -> None:
        import numpy as np

        table = self._table(at)
        count = table.num_rows
        if not count:
            return
        span = slice(self.starts[at], self.starts[at] + count)
        self.bands[:, span] = _bytes(table["bands"], np.uint32, count).T
        self.sketch[span] = _bytes(table["sketch"], np.uint8, count)
        self.exact[:, span] = _bytes(table["exact"], np.uint64, count).T
        self.context[span] = table["context"].to_numpy()
        self.formulas[span] = table["formulas"].to_numpy()
        self.numbers[span] = table["numbers"].to_numpy()
        self.mask[span] = table["mask"].to_numpy()
        self.compared[span] = table["compared"].to_numpy()
        ends = np.frombuffer(table["text"].combine_chunks().buffers()[1], np.int64, count + 1)
        self.has_text[span] = np.diff(ends) > 0

    def _strings(self, column: str, rows: Iterable[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        by_file: dict[int, list[int]] = {}
        for row in sorted({*rows}):
            by_file.setdefault(bisect.bisect_right(self.starts, row) - 1, []).append(row)
        for at, wanted in by_file.items():
            places = [row - self.starts[at] for row in wanted]
            values = self._table(at)[column].take(places).to_pylist()
            found.update(zip(wanted, values, strict=True))
        return found

    def _table(self, at: int) -> Any:
        """A signature file, mapped into memory: only what is looked at is read."""
        import pyarrow

        if at in self._tables:
            self._tables.move_to_end(at)
            return self._tables[at]
        try:
            table = pyarrow.ipc.open_file(pyarrow.memory_map(str(self._files[at]))).read_all()
            table.select(COLUMNS)
        except (OSError, KeyError, pyarrow.ArrowException) as error:
            raise SourceError(
                f"{self._files[at]}: no readable file of signatures: {error}; remove it"
            ) from error
        self._tables[at] = table
        if len(self._tables) > _OPEN_FILES:
            self._tables.popitem(last=False)
        return table


def _bytes(column: Any, kind: Any, count: int) -> "numpy.ndarray[Any, Any]":
    """A column of fixed width as an array of rows by integers."""
    import numpy as np

    return np.frombuffer(column.combine_chunks().buffers()[1], kind).reshape(count, -1)
