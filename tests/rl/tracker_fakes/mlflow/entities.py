"""What metrics and params are."""

from typing import Any


class Metric:
    def __init__(self, key: Any, value: Any, timestamp: Any, step: Any) -> None:
        self.key, self.value, self.timestamp, self.step = key, value, timestamp, step


class Param:
    def __init__(self, key: Any, value: Any) -> None:
        self.key, self.value = key, value
