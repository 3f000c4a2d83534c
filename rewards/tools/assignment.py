"""Pairing calls with the calls of a reference, each with one.

Guarantees: if there is a pairing of all, it is found, which taking the first that fits does not
promise. Each pair is compared at most once.
"""

from collections.abc import Callable


def assign(size: int, fits: Callable[[int, int], bool]) -> list[int | None]:
    """A largest matching of `size` rows and as many columns (Kuhn's algorithm).

    Args:
        size: How many there are of each.
        fits: Whether a row and a column may be paired.

    Returns:
        For every row its column; None where it stays alone.
    """
    owner: list[int | None] = [None] * size
    known: dict[tuple[int, int], bool] = {}

    def free(row: int, visited: set[int]) -> bool:
        # Its own place first: calls mostly come in the order of the reference.
        for column in (row, *(c for c in range(size) if c != row)):
            if column in visited:
                continue
            if (row, column) not in known:
                known[row, column] = fits(row, column)
            if not known[row, column]:
                continue
            visited.add(column)
            other = owner[column]
            if other is None or free(other, visited):
                owner[column] = row
                return True
        return False

    for row in range(size):
        free(row, set())
    columns: list[int | None] = [None] * size
    for column, row_of in enumerate(owner):
        if row_of is not None:
            columns[row_of] = column
    return columns
