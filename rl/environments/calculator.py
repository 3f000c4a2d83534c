"""A calculator for one operation at a time: what has several takes several calls."""

import re
from typing import Any

_OPERATION = re.compile(r"\s*(-?\d{1,30})\s*([-+*])\s*(-?\d{1,30})\s*")


class Calculator:
    """Adds, subtracts and multiplies two whole numbers."""

    def reset(self, prompt: Any) -> None:
        """Begin an episode."""
        self.used = 0

    def calc(self, x: str) -> str:
        """Calculate one operation with two whole numbers, such as 12*34."""
        found = _OPERATION.fullmatch(x)
        if found is None:
            raise ValueError("write one operation, such as 12*34")
        left, sign, right = int(found[1]), found[2], int(found[3])
        self.used += 1
        return str(left * right if sign == "*" else left + right if sign == "+" else left - right)

    def metrics(self) -> dict[str, float]:
        """How often it was of use."""
        return {"calculations": self.used}
