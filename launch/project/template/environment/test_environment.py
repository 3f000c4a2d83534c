"""Tools of an environment are plain methods: test them as such."""

from types import SimpleNamespace

import pytest
from environment import Shelf


def test_the_shelf_is_counted() -> None:
    shelf = Shelf()
    shelf.reset(SimpleNamespace(metadata={"shelf": {"pears": 3}}))
    assert shelf.count("pears") == 3
    with pytest.raises(ValueError, match="no figs"):
        shelf.count("figs")
    assert shelf.metrics() == {"looks": 2}
