"""Simulated objects and conversations of our own, in the layout of BFCL's several turns."""

import json
from pathlib import Path
from typing import Any

CUPBOARD = '''
"""A cupboard with things, and a counter that keeps nothing."""

from .sizes import SIZE

print("imported")


class Cupboard:
    def __init__(self):
        self.things = []
        self._looks = 0

    def _load_scenario(self, config, long_context=False):
        self.things = [*config["things"], *(["filler"] * SIZE if long_context else [])]

    def put(self, thing, times=1):
        """Put a thing into it."""
        print("noise")
        if thing in self.things:
            raise ValueError(f"{thing} is there already")
        self.things += [thing] * times
        return {"things": len(self.things)}

    def take(self, thing):
        """Take a thing out."""
        self.things.remove(thing)
        return f"took {thing}"

    def look(self, hidden=False):
        """See what is in it."""
        self._looks += 1
        return self.things

    def remove(self, thing):
        """BFCL never runs this."""
        self.things = []

    def wait(self, seconds):
        """Wait."""
        import time
        time.sleep(seconds)

    def fill(self, size):
        """Take memory."""
        self.things = ["x" * size]

    def die(self):
        """End the process."""
        import os
        os._exit(3)


class Sums:
    def add(self, numbers):
        """Add numbers."""
        return sum(numbers)
'''


def function(name: str, *names: str, **types: str) -> dict[str, Any]:
    properties = {one: {"type": "string", "description": one} for one in names}
    properties |= {one: {"type": kind} for one, kind in types.items()}
    parameters = {"type": "dict", "properties": properties, "required": list(names)}
    return {"name": name, "description": name, "parameters": parameters, "response": {}}


CUPBOARD_DOC = [
    function("put", "thing", times="integer"), function("take", "thing"),
    function("look", hidden="boolean"), function("remove", "thing"),
    function("wait", seconds="float"), function("fill", size="integer"), function("die"),
]  # fmt: skip
SUMS_DOC = [function("add", numbers="array")]


def said(*texts: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": text}] if text else [] for text in texts]


ROWS = [
    {
        "id": "multi_turn_base_0",
        "question": said("Put a cup in.", "What is in there?", "Take it out and add 1 and 2."),
        "initial_config": {"Cupboard": {"things": ["plate"]}},
        "path": ["Cupboard.put", "Cupboard.look"],
        "involved_classes": ["Cupboard", "Sums"],
    },
    {
        "id": "multi_turn_miss_func_1",
        "question": said("Take the plate out.", ""),
        "initial_config": {"Cupboard": {"things": ["plate"]}},
        "path": ["Cupboard.take"],
        "involved_classes": ["Cupboard"],
        "missed_function": {"1": ["take"]},
    },
    {
        "id": "multi_turn_long_context_2",
        "question": said("Take the plate out."),
        "initial_config": {"Cupboard": {"things": ["plate"]}},
        "path": ["Cupboard.take"],
        "involved_classes": ["Cupboard"],
    },
]
ANSWERS = [
    {
        "id": "multi_turn_base_0",
        "ground_truth": [["put('cup')"], ["look()"], ["take(thing='cup')", "add([1, 2])"]],
    },
    {"id": "multi_turn_miss_func_1", "ground_truth": [[], ["take('plate')"]]},
    {"id": "multi_turn_long_context_2", "ground_truth": [["take('plate')"]]},
]


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def write_data(folder: Path) -> Path:
    """The files of a copy of BFCL; gives that of the questions."""
    questions = folder / "BFCL_v4_multi_turn.jsonl"
    lines(questions, ROWS)
    lines(folder / "possible_answer" / questions.name, ANSWERS)
    lines(folder / "multi_turn_func_doc" / "cupboard.jsonl", CUPBOARD_DOC)
    lines(folder / "multi_turn_func_doc" / "sums.jsonl", SUMS_DOC)
    return questions


def write_classes(folder: Path) -> Path:
    """The folder of their classes, which is a package within another one."""
    inner = folder / "copy_of_ours" / "classes_of_ours"
    inner.mkdir(parents=True)
    for one in (inner, inner.parent):
        (one / "__init__.py").write_text("")
    (inner / "cupboard.py").write_text(CUPBOARD)
    (inner / "sizes.py").write_text("SIZE = 3\n")
    (inner / "broken.py").write_text("class Broken:\n    def __init__(self): 1 / 0\n")
    return inner
