"""Simulated tools of several domains, enough to make tasks without any other."""

from collections.abc import Sequence

from data.toolgraph.api import Api
from data.toolgraph.library import city, home, money, office, shop, travel


def library() -> Sequence[Api]:
    """All of them, in a fixed order."""
    return (
        *travel.TOOLS,
        *shop.TOOLS,
        *office.TOOLS,
        *money.TOOLS,
        *city.TOOLS,
        *home.TOOLS,
    )
