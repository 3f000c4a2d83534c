"""The built-in data of `grid_walk`: a way to go on a square grid, around walls.

Guarantees: problems are distinct; the goal can always be reached; the same arguments give the same
problems in the same order; the reference is the goal. Prompts are short, for models that read one
character at a time: `3,4>0,1` is where one stands and where to go, `x 1,2 2,2` behind it are walls.
Columns count from the left, rows from above, both from 0.
"""

import random
import re
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from data.errors import PromptError, SourceError
from data.schema import Prompt

Cell = tuple[int, int]

DEFAULT_COUNT: Final = 1_000
LARGEST: Final = 10
MOVES: Final[Mapping[str, Cell]] = {
    "left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)
}  # fmt: skip
_BACK: Final = {"left": "right", "right": "left", "up": "down", "down": "up"}
_ID: Final = re.compile(r"grid_walk/(\d+)/(\d,\d)>(\d,\d)((?: \d,\d)*)")
_DRAWS: Final = 200  # of walls, until one leaves a way


def walk_prompts(
    count: int = DEFAULT_COUNT, *, seed: int = 0, size: int = 8, far: int = 4, walls: int = 0
) -> list[Prompt]:
    """Draw distinct problems at random.

    Args:
        count: Problems.
        seed: Decides which.
        size: Columns and rows.
        far: Most steps from start to goal, if there were no walls.
        walls: Cells that cannot be entered.

    Raises:
        SourceError: the arguments describe no problems, or fewer than `count`.
    """
    if not 2 <= size <= LARGEST or far < 1 or not 0 <= walls <= size * size // 3:
        raise SourceError(
            f"grid_walk cannot be made with size={size}, far={far}, walls={walls}: use a size from "
            f"2 to {LARGEST}, a far from 1, and walls on a third of the cells at most"
        )
    cells = [(x, y) for x in range(size) for y in range(size)]
    pairs = [
        (start, goal)
        for start in cells
        for goal in cells
        if 1 <= abs(start[0] - goal[0]) + abs(start[1] - goal[1]) <= far
    ]
    if not 1 <= count <= len(pairs):
        raise SourceError(
            f"grid_walk cannot give {count} problems: there are {len(pairs)} with size={size} and "
            f"far={far}; change the count, the size or the far"
        )
    draw = random.Random(seed)
    found = []
    for start, goal in draw.sample(pairs, count):
        free = [cell for cell in cells if cell not in (start, goal)]
        found.append(_prompt(size, start, goal, _walls(draw, size, start, goal, free, walls)))
    return found


def conversation(prompt: Prompt, *, mistaken: bool = False) -> list[Mapping[str, Any]]:
    """A demonstration: a shortest way, and where each step leads.

    For `2,0>0,0` the turns are `left`, `1,0>0,0`, `left`. `mistaken` ends with a beginner's step:
    the wrong way, or none.
    """
    size, at, goal, walls = _parts(prompt)
    left = distances(size, goal, walls)
    count, draw = left[at], at[0] + at[1] + goal[0] * goal[1]
    wrong_at = draw % count if mistaken else count
    said: list[Mapping[str, Any]] = []
    for place in range(count):
        if place:
            said.append({"role": "user", "content": f"{_text(at)}>{_text(goal)}"})
        name, cell = _nearer(at, left)
        if place == wrong_at:
            return [*said, _said("go" if draw % 3 == 0 else _BACK[name])]
        said.append(_said(name))
        at = cell
    return said


def distances(size: int, goal: Cell, walls: frozenset[Cell]) -> dict[Cell, int]:
    """Steps to the goal from each cell from which it can be reached."""
    found = {goal: 0}
    waiting = deque([goal])
    while waiting:
        x, y = waiting.popleft()
        for right, down in MOVES.values():
            cell = (x + right, y + down)
            inside = 0 <= cell[0] < size and 0 <= cell[1] < size
            if inside and cell not in walls and cell not in found:
                found[cell] = found[x, y] + 1
                waiting.append(cell)
    return found


def _nearer(at: Cell, left: Mapping[Cell, int]) -> tuple[str, Cell]:
    """The first step that leads nearer, and where to."""
    for name, (right, down) in MOVES.items():
        cell = (at[0] + right, at[1] + down)
        if left.get(cell, left[at]) < left[at]:
            return name, cell
    raise AssertionError(f"no cell beside {at} is nearer")


def _walls(
    draw: random.Random, size: int, start: Cell, goal: Cell, free: list[Cell], count: int
) -> frozenset[Cell]:
    for _ in range(_DRAWS):
        walls = frozenset(draw.sample(free, count))
        if start in distances(size, goal, walls):
            return walls
    raise SourceError(f"grid_walk: {count} walls leave no way on a grid of size {size}; use fewer")


def _said(text: str) -> Mapping[str, Any]:
    return {"role": "assistant", "content": text}


def _text(cell: Cell) -> str:
    return f"{cell[0]},{cell[1]}"


def _cell(text: str) -> Cell:
    return int(text[0]), int(text[2])


def _parts(prompt: Prompt) -> tuple[int, Cell, Cell, frozenset[Cell]]:
    parsed = _ID.fullmatch(prompt.id)
    if parsed is None:
        raise PromptError(
            f"prompt {prompt.id!r} is no walk; only prompts of builtin:grid_walk have these "
            "demonstrations"
        )
    walls = frozenset(map(_cell, parsed[4].split()))
    return int(parsed[1]), _cell(parsed[2]), _cell(parsed[3]), walls


def _prompt(size: int, start: Cell, goal: Cell, walls: frozenset[Cell]) -> Prompt:
    blocked = [_text(cell) for cell in sorted(walls)]
    way = f"{_text(start)}>{_text(goal)}"
    content = f"{way} x {' '.join(blocked)}" if blocked else way
    return Prompt(
        id=" ".join([f"grid_walk/{size}/{way}", *blocked]),
        messages=({"role": "user", "content": content},),
        reference=_text(goal),
        task="grid_walk",
        metadata={"size": size, "start": _text(start), "walls": blocked},
    )
