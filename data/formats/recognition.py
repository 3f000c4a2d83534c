"""Which format rows are in, told from the rows themselves.

Guarantee: a format is chosen only where it is the only one that knows the rows; otherwise the error
says which are possible, or what columns there are.
"""

from collections.abc import Sequence

from data.errors import SourceError
from data.files import Row
from data.formats.format import Format
from data.formats.table import BUILT_IN, GENERAL, plugged


def recognise(rows: Sequence[Row], place: str) -> tuple[Format, str]:
    """The format of these rows, which are the first of a source, and by what it was told.

    Args:
        rows: at least one.
        place: the source's name, for messages.

    Raises:
        SourceError: none knows the rows, or several do.
    """
    found = _matching((*BUILT_IN, *plugged().values()), rows)
    if not found:
        found = _matching(GENERAL, rows)[:1]
    if len(found) == 1:
        return found[0]
    if found:
        told = "; ".join(f"{format.name} (it has {why})" for format, why in found)
        raise SourceError(f"{place}: may be of several formats: {told}; choose one with --format")
    raise SourceError(
        f"{place}: is of no known format; its columns are {', '.join(rows[0].columns) or 'none'}. "
        f"Choose one with --format: {', '.join(f.name for f in (*BUILT_IN, *GENERAL))}, or write "
        "one of your own, path/to/file.py:Class"
    )


def _matching(formats: Sequence[Format], rows: Sequence[Row]) -> list[tuple[Format, str]]:
    """Those formats that know every row, with what the first was known by."""
    found = []
    for format in formats:
        try:
            whys = [format.matches(row.columns) for row in rows]
        except Exception as error:  # a format of another package may raise anything
            raise SourceError(
                f"{rows[0].where}: the format {format.name!r} failed to say whether it knows the "
                f"row: {type(error).__name__}: {error}; mend or uninstall it, or choose --format"
            ) from error
        if whys[0] is not None and all(why is not None for why in whys):
            found.append((format, whys[0]))
    return found
