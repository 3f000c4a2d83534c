"""The console of tables that programs may read too."""

from rich.console import Console

WIDE = 240


def wide_console(*, markup: bool = False) -> Console:
    """As wide as the terminal; where there is none, no line is wrapped or cut."""
    console = Console(highlight=False, markup=markup)
    if not console.is_terminal:
        console.width = WIDE
    return console
