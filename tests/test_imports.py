"""Imports run one way: no circle, also not by an import within a function, and no arrow up."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
ALLOWED = {
    "sandbox": set(),
    "rewards": {"sandbox"},
    "data": {"rewards", "sandbox"},
    "rl": {"rewards", "sandbox", "data"},
    "launch": {"rl", "rewards", "sandbox", "data"},
}
READ_OF_DATA = "data.schema"  # all that `rl` may read of `data`

Graph = Mapping[str, set[str]]


def modules() -> dict[str, Path]:
    """Every module of the packages by name, packages by that of their `__init__.py`."""
    found = {}
    for package in ALLOWED:
        for path in (REPOSITORY / package).rglob("*.py"):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imported(source: str, package: str) -> Iterator[tuple[str, str | None]]:
    """What a file of `package` imports anywhere in it: a module, and the name taken from it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = [] if node.level == 0 else above
            module = ".".join([*start, *filter(None, [node.module])])
            yield from ((module, alias.name) for alias in node.names)


def edges(source: str, package: str, known: Mapping[str, object]) -> set[str]:
    """The known modules that a file of `package` imports."""
    found = set()
    for module, name in imported(source, package):
        inner = f"{module}.{name}"
        target = inner if name is not None and inner in known else module
        if target in known:
            found.add(target)
    return found


def graph() -> dict[str, set[str]]:
    known = modules()
    found = {}
    for name, path in known.items():
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        found[name] = edges(path.read_text("utf-8"), package, known) - {name}
    return found


def circle(of: Graph) -> list[str]:
    """Some circle, as the modules along it; empty if there is none."""
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        path.append(module)
        for target in sorted(of[module]):
            if found := visit(target):
                return found
        done.add(path.pop())
        return []

    for module in sorted(of):
        if found := visit(module):
            return found
    return []


def test_no_circle() -> None:
    assert " -> ".join(circle(graph())) == ""


def test_no_arrow_runs_up() -> None:
    wrong = [
        f"{module} -> {target}"
        for module, targets in graph().items()
        for target in sorted(targets)
        for home, away in [(module.partition(".")[0], target.partition(".")[0])]
        if away != home and away not in ALLOWED[home]
    ]
    assert wrong == []


def test_the_loop_reads_the_schema_of_the_data_alone() -> None:
    wrong = {
        f"{module} -> {target}"
        for module, targets in graph().items()
        for target in targets
        if module.startswith("rl") and target.startswith("data") and target != READ_OF_DATA
    }
    assert wrong == set()


def test_the_walk_sees_what_it_has_to() -> None:
    known = {"a": 0, "a.b": 0, "a.c": 0, "d": 0}
    source = "import a.b\nfrom . import c\n\ndef f():\n    from d import x\n\n    import os\n"
    assert edges(source, "a", known) == {"a.b", "a.c", "d"}
    assert edges("from .c import x\nfrom ..d import y", "a.e", known | {"a.e.c": 0}) == {"a.e.c"}
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


ABOVE = {
    "rl.tokens": {
        "rl.groups",
        "rl.dispatch",
        "rl.episodes",
        "rl.engines",
        "rl.weights",
        "rl.learn",
    },
    "rl.groups": {"rl.dispatch", "rl.episodes", "rl.engines", "rl.weights", "rl.learn"},
    "rl.dispatch": {"rl.episodes", "rl.engines", "rl.weights", "rl.learn"},
    "rl.episodes": {"rl.dispatch", "rl.endpoint", "rl.engines", "rl.weights", "rl.learn"},
    "rl.endpoint": {"rl.dispatch", "rl.engines", "rl.weights", "rl.learn"},
    "rl.engines": {"rl.dispatch", "rl.episodes", "rl.weights", "rl.learn"},
    "rl.weights": {"rl.dispatch", "rl.episodes", "rl.engines", "rl.learn"},
    "rl.learn": {"rl.dispatch", "rl.episodes", "rl.engines"},
}
"""What each part of the loop must not know of."""
TOP = {"rl.trainer", "rl.parts", "rl.supervision", "rl.run"}
"""What composes the parts, and is known to none of them."""


def part_of(module: str) -> str:
    """The part of the loop that a module belongs to, such as `rl.dispatch`."""
    return ".".join(module.split(".")[:2])


def test_the_parts_of_the_loop_know_only_those_below() -> None:
    wrong = [
        f"{module} -> {target}"
        for module, targets in graph().items()
        for target in sorted(targets)
        if part_of(target) in ABOVE.get(part_of(module), set()) | TOP
        and part_of(module) not in TOP
        and module.startswith("rl.")
    ]
    assert wrong == []


ROOMS = {
    "launch.setup": set(),
    "launch.pages": set(),
    "launch.train": {"launch.pages"},
    "launch.verify": {"launch.pages"},
    "launch.models": {"launch.train"},
    "launch.sandbox": {"launch.verify"},
    "launch.judge": {"launch.pages", "launch.verify"},
    "launch.datasets": {"launch.pages", "launch.train", "launch.verify"},
    "launch.evaluate": {"launch.datasets", "launch.train", "launch.verify"},
    "launch.view": {"launch.evaluate"},
}
"""What rooms of `launch` may know of others; a room that is not named: those that others know."""
KNOWN = set().union(*ROOMS.values())
FRONT = {"launch.cli", "launch.commands"}
"""What no room knows of: commands know rooms, and the `plumb` command knows commands."""
BELOW = {"launch.errors", "launch.secret_words"}
"""What every room may know of."""


def test_the_rooms_of_launch_know_only_those_below() -> None:
    wrong = [
        f"{module} -> {target}"
        for module, targets in graph().items()
        for target in sorted(targets)
        for room, other in [(part_of(module), part_of(target))]
        if room.startswith("launch.") and room not in FRONT
        if other.startswith("launch.") and other not in {room, *BELOW}
        if other not in ROOMS.get(room, KNOWN)
    ]
    assert wrong == []


def test_a_file_of_the_loop_of_the_data_and_of_launch_has_one_subject() -> None:
    """At most 300 lines a file, and 60 a function."""
    long = []
    for name, path in modules().items():
        if not name.startswith(("rl", "data", "launch")):
            continue
        source = path.read_text("utf-8")
        if source.count("\n") > 300:
            long.append(f"{name}: {source.count(chr(10))} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 60:
                    long.append(f"{name}.{node.name}: {lines} lines")
    assert long == []
