"""Runs calls of simulated objects, on one line of JSON after the other; a process of its own.

Started as `python simulate.py CLASSES MEGABYTES`. CLASSES is a folder of Python files, a file, or a
module, with the classes: `_load_scenario(config, long_context=...)` sets an object up, if it has
that, and public methods are tools. They are the user's own; what they are called with is not.

Each line asks for one thing and is answered by one line:

- `{"scene", "before", "calls"}`: what `calls` give after `before`, as `{"results": [text, ...]}`;
- `{"scene", "turns", "truth"}`: whether what was called in `turns` is right, as `{"valid", "why"}`.

`scene` is `{"classes", "initial_config", "long_context"}`, calls are `[name, arguments]`. Objects
are made anew for every line, so that nothing is left of the one before.

A conversation is right by BFCL's rule (`multi_turn_checker`): after each turn with right calls
something was called in it, all public attributes of all objects equal those after the right calls,
and what the right calls of the turn gave is among what calls up to then gave, in any order.
"""

import ast
import copy
import importlib
import importlib.util
import inspect
import json
import os
import resource
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

REFUSED = frozenset(
    {"kill", "exit", "quit", "remove", "unlink", "popen", "Popen", "run"}
)  # BFCL runs none of these
LONGEST = 200_000  # characters of a result


class Classes:
    """The classes of a folder, a file or a module, imported as they are asked for."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.found: dict[str, Any] = {}
        path = Path(spec)
        if not path.exists() and not spec.endswith(".py") and "/" not in spec:
            module = importlib.util.find_spec(spec)
            if module is None:
                raise LookupError(f"there is no module {spec}")
            folders = module.submodule_search_locations
            path = Path(folders[0] if folders else module.origin or spec)
        if not path.exists():
            raise LookupError(f"there is no file or folder {spec}")
        self.files = sorted(path.glob("*.py")) if path.is_dir() else [path]

    def __getitem__(self, name: str) -> Any:
        if name not in self.found:
            self.found[name] = getattr(self._module(name), name)
        return self.found[name]

    def _module(self, name: str) -> ModuleType:
        for file in self.files:
            tree = ast.parse(file.read_text("utf-8"))
            if any(isinstance(one, ast.ClassDef) and one.name == name for one in tree.body):
                return imported(file)
        raise LookupError(f"there is no class {name} in {self.spec}")


def imported(file: Path) -> ModuleType:
    """The module of a file, under the name that its packages give it."""
    root, parts = file.resolve().parent, [file.stem]
    while (root / "__init__.py").exists():
        parts.insert(0, root.name)
        root = root.parent
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module(".".join(parts))


class World:
    """Objects of a scene, with their methods by name."""

    def __init__(self, classes: Classes, scene: Any) -> None:
        self.objects: dict[str, Any] = {}
        self.methods: dict[str, Any] = {}
        for name in scene["classes"]:
            made = self.objects[name] = classes[name]()
            if hasattr(made, "_load_scenario"):
                config = copy.deepcopy(scene["initial_config"].get(name, {}))
                made._load_scenario(config, long_context=scene["long_context"])
            for method, function in inspect.getmembers(made, inspect.ismethod):
                if not method.startswith("_"):
                    self.methods[method] = function

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        """What a call gives, as text."""
        try:
            if name in REFUSED:
                raise PermissionError(f"Function call {name} is not allowed.")
            if name not in self.methods:
                raise NameError(f"name {name!r} is not defined")
            given = self.methods[name](**copy.deepcopy(arguments))
        except Exception as error:
            return f"Error during execution: {error}"
        if isinstance(given, str):
            return given
        if isinstance(given, dict):
            try:
                return json.dumps(given)
            except Exception:
                return str(given)
        return str(given)

    def differs(self, other: "World") -> str | None:
        """The first public attribute that is not the other world's; None: there is none."""
        for name, right in other.objects.items():
            for attribute, value in vars(right).items():
                is_public = not attribute.startswith("_")
                if is_public and getattr(self.objects[name], attribute) != value:
                    return f"{name}.{attribute}"
        return None


def judged(classes: Classes, scene: Any, turns: Any, truth: Any) -> tuple[bool, str]:
    """Whether a conversation is right, and why it is not."""
    mine, right = World(classes, scene), World(classes, scene)
    given: list[str] = []
    for number, calls in enumerate(truth):
        made = turns[number] if number < len(turns) else []
        given += [mine.call(*one) for one in made]
        wanted = [right.call(*one) for one in calls]
        if not calls:
            continue
        if not made:
            return False, f"nothing was called in turn {number + 1}"
        if attribute := mine.differs(right):
            return False, f"{attribute} is not what it should be after turn {number + 1}"
        left = list(given)
        for place, one in enumerate(wanted):
            if one not in left:
                name = calls[place][0]
                return False, f"turn {number + 1} lacks what a call of {name} gives"
            left.remove(one)
    return True, ""


def answered(classes: Classes, asked: Any) -> dict[str, Any]:
    """The answer to a line."""
    if "truth" in asked:
        valid, why = judged(classes, asked["scene"], asked["turns"], asked["truth"])
        return {"valid": valid, "why": why}
    world = World(classes, asked["scene"])
    for one in asked["before"]:
        world.call(*one)
    return {"results": [world.call(*one)[:LONGEST] for one in asked["calls"]]}


def main() -> None:
    """Answer until the input ends."""
    spec, megabytes = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what classes print is no answer
    resource.setrlimit(resource.RLIMIT_AS, (int(megabytes) << 20, int(megabytes) << 20))
    sys.setrecursionlimit(2000)
    classes = None
    for line in sys.stdin:
        try:
            classes = classes or Classes(spec)
            answer = answered(classes, json.loads(line))
        except Exception as error:
            answer = {"wrong": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
