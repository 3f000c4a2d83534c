"""What answers the policy: a shelf whose fruit it may count, one kind at a time."""


class Shelf:
    """Every public method with a docstring is a tool."""

    def reset(self, prompt: object) -> None:
        """Begin an episode; a row's other columns are in `metadata`."""
        self.fruit = prompt.metadata["shelf"]  # type: ignore[attr-defined]
        self.looks = 0

    def count(self, fruit: str) -> int:
        """Count one kind of fruit on the shelf.

        Args:
            fruit: its name, such as pears
        """
        self.looks += 1
        if fruit not in self.fruit:
            raise ValueError(f"there are no {fruit} on the shelf")  # the policy reads this
        return int(self.fruit[fruit])

    def metrics(self) -> dict[str, float]:
        """Numbers for metrics.jsonl and the report."""
        return {"looks": self.looks}
