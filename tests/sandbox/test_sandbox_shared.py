"""Containers that a test and its program both hold: a change on one side is one on both."""

import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import judged

pytestmark = pytest.mark.asyncio(loop_scope="session")

TREE = """
class Node:
    def __init__(self, value):
        self.value, self.children = value, []
def depth(node): return 1 + max([depth(one) for one in node.children], default=0)
"""
BOARD = """
class Game:
    def __init__(self): self.board, self.names = [[0] * 3 for _ in range(3)], {}
    def wins(self): return all(one == "X" for one in self.board[0])
    def total(self): return sum(self.names.values())
"""
CART = """
class Cart:
    def __init__(self): self.items = []
    def add(self, item): self.items.append(item)
    def listed(self): return list(self.items)
"""
LRU = """
from collections import OrderedDict
class LRU:
    def __init__(self): self.kept = OrderedDict(a=1, b=2)
    def first(self): return next(iter(self.kept))
"""
TREE_TEST = """
root = Node(1)
root.children.append(Node(2))
root.children[0].children.append(Node(3))
assert depth(root) == 3
root.children.pop()
assert depth(root) == 1
"""
BOARD_TEST = """
game = Game()
for column in range(3): game.board[0][column] = "X"
assert game.wins()
game.names["a"] = 3
game.names.update(b=4)
assert game.total() == 7
game.board[0][1] = 0
assert not game.wins()
"""
ALIAS_TEST = """
cart = Cart()
items = cart.items
cart.add("x")
assert items == ["x"] and cart.items is items
items.append("y")
cart.add("z")
assert cart.listed() == items == ["x", "y", "z"]
"""
COPY_TEST = """
cart = Cart()
cart.listed().append("x")
assert cart.listed() == []
"""
LRU_TEST = (
    "lru = LRU()\nassert lru.kept.popitem(last=False) == ('a', 1)\nassert lru.first() == 'b'\n"
)
DEFAULT = "def f(x, found=None):\n    found = found or []\n    found.append(x)\n    return found\n"
DEFAULT_TEST = "a = f(1)\na.append(5)\nassert f(2) == [2] and a == [1, 5]\n"
STATE = "CACHE = {}\ndef put(name):\n    CACHE[name] = 1\n    return len(CACHE)\n"
STATE_TEST = """
import solution
assert put("a") == 1
CACHE.clear()
assert put("b") == 1
solution.CACHE["c"] = 1
assert put("d") == 3
"""
IN_PLACE = "def flip(rows):\n    for row in rows: row.reverse()\n    return rows\n"
IN_PLACE_TEST = """
rows = [[1, 2], [3, 4]]
assert flip(rows) is rows
assert rows == [[2, 1], [4, 3]]
"""
DECORATOR = """
import functools
def twice(f):
    @functools.wraps(f)
    def both(*args): return f(*args), f(*args)
    return both
"""
DECORATOR_TEST = """
@twice
def one(x):
    "What it is."
    return x
assert one(3) == (3, 3) and one.__name__ == "one" and one.__doc__ == "What it is."
"""
RIGHT = {
    "a tree that the test builds": (TREE, TREE_TEST),
    "a board that the test fills": (BOARD, BOARD_TEST),
    "a list held by both": (CART, ALIAS_TEST),
    "a copy given away": (CART, COPY_TEST),
    "an ordered dict": (LRU, LRU_TEST),
    "a default of its own": (DEFAULT, DEFAULT_TEST),
    "a module's state": (STATE, STATE_TEST),
    "its argument returned": (IN_PLACE, IN_PLACE_TEST),
    "what a wrapper keeps": (DECORATOR, DECORATOR_TEST),
}
WRONG = {
    "a tree of two levels": (TREE.replace("depth(one)", "1"), TREE_TEST),
    "a board that always wins": (BOARD.replace("all(", "any("), BOARD_TEST),
    "a list replaced": (
        CART.replace(
            "self.items.append(item)", "self.items += [item]; self.items = list(self.items)"
        ),
        ALIAS_TEST,
    ),
    "its own list given away": (CART.replace("list(self.items)", "self.items"), COPY_TEST),
    "an order of its own": (LRU.replace("next(iter(self.kept))", "'a'"), LRU_TEST),
    "a default shared by calls": (
        "def f(x, found=[]):\n    found.append(x)\n    return found\n",
        DEFAULT_TEST,
    ),
    "a count that goes on": (
        STATE.replace("len(CACHE)", "CACHE.setdefault('n', 0)"),
        STATE_TEST,
    ),
    "another list returned": (
        "def flip(rows):\n    for row in rows: row.reverse()\n    return rows[:]\n",
        IN_PLACE_TEST,
    ),
    "a wrapper that keeps nothing": (
        DECORATOR.replace("    @functools.wraps(f)\n", ""),
        DECORATOR_TEST,
    ),
}


async def test_right_programs_pass(box: Sandbox) -> None:
    found = await judged(box, RIGHT)
    assert {name: one for name, one in found.items() if one != "passed"} == {}


async def test_wrong_programs_fail(box: Sandbox) -> None:
    found = await judged(box, WRONG)
    assert {name: one for name, one in found.items() if not one.startswith("failed")} == {}
