"""A walk on a square grid: one step a turn, each answered with where it led.

A row has the goal as its reference, such as `0,1` (column and row, from the left and from above),
and `size`, `start` and perhaps `walls`, a list of cells. The last direction that a turn names is
the step. A step nearer to the goal earns its share of the way, one that is farther loses as much,
and so does a turn that leads nowhere: against a wall, or without a direction. The turns of a walk
without detours earn `turn_reward` together. How many steps there are is `episode.turns`.
"""

import re
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any, Final

from rewards.thinking import final_part
from rl.environments.played import Result
from rl.errors import ConfigError

Cell = tuple[int, int]

RULES: Final = (
    "You stand at the first cell and go to the second, each as column,row from the left and from "
    "above; those behind an x are walls. Say one of left, right, up and down a turn; I answer "
    "where you are then."
)
MOVES: Final[Mapping[str, Cell]] = {
    "left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)
}  # fmt: skip
LARGEST: Final = 100  # columns and rows
_MOVE: Final = re.compile(r"\b(?:left|right|up|down)\b", re.I)
_CELL: Final = re.compile(r"(\d{1,3}),(\d{1,3})")


class GridWalk:
    """The game.

    Args:
        turn_reward: What the turns of a walk without detours earn together, beside 1 for arriving.
        rules: Whether the prompt says how the game goes, for a model that was not shown it.
    """

    def __init__(self, turn_reward: float = 0.5, rules: bool = False) -> None:
        self._turn_reward = turn_reward
        self._rules = rules

    def reset(self, prompt: Any) -> str | None:
        """Lay out the grid.

        Raises:
            ConfigError: The row is no walk.
        """
        row = prompt.metadata
        size, walls = row.get("size"), row.get("walls") or ()
        cells = [_cell(one) for one in (row.get("start"), prompt.reference, *walls)]
        start, goal, *blocked = cells
        is_grid = isinstance(size, int) and 2 <= size <= LARGEST and None not in cells
        if not is_grid or start is None or goal is None:
            raise ConfigError(
                f"prompt {prompt.id!r}: grid_walk needs a `size` from 2 to {LARGEST}, a `start`, "
                "perhaps `walls`, and the goal as the reference, cells as column,row"
            )
        self._left = distances(size, goal, {cell for cell in blocked if cell})
        if not self._left.get(start):
            raise ConfigError(
                f"prompt {prompt.id!r}: no way of a step or more leads from its start to its goal"
            )
        self._at, self._goal, self._way = start, goal, self._left[start]
        self._steps = self._in_vain = 0
        return RULES if self._rules else None

    def reply(self, message: Any) -> Result:
        """Take a step."""
        named = _MOVE.findall(final_part(message["content"], None))
        self._steps += 1
        one = self._turn_reward / self._way
        if not named:
            self._in_vain += 1
            return Result(f"say left, right, up or down: {self._where}", -one)
        right, down = MOVES[named[-1].lower()]
        cell = (self._at[0] + right, self._at[1] + down)
        if cell not in self._left:
            self._in_vain += 1
            return Result(f"wall: {self._where}", -one)
        before, self._at = self._left[self._at], cell
        earned = one * (before - self._left[cell])
        if cell == self._goal:
            return Result("there", earned, done=True)
        return Result(self._where, earned)

    def reward(self, messages: Any) -> bool:
        """Whether the goal was reached."""
        return self._at == self._goal

    def metrics(self) -> dict[str, float]:
        """How many steps there were, those that led nowhere, and how many the way takes."""
        return {"steps": self._steps, "steps_in_vain": self._in_vain, "way": self._way}

    @property
    def _where(self) -> str:
        return f"{self._at[0]},{self._at[1]}>{self._goal[0]},{self._goal[1]}"


def distances(size: int, goal: Cell, walls: Collection[Cell]) -> dict[Cell, int]:
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


def _cell(text: Any) -> Cell | None:
    found = _CELL.fullmatch(text.strip()) if isinstance(text, str) else None
    return (int(found[1]), int(found[2])) if found else None
