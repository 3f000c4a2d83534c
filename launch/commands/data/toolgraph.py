"""`plumb data toolgraph`: tasks of tool use out of a graph of tools, executed as they are made."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from launch.commands.options import (
    AskingOptions,
    Folder,
    MaxTokens,
    OptionalModels,
    ReplaceFolder,
    takes_options,
)
from launch.datasets.asking import ANSWERS
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.files import Row
    from data.pipeline.block import Stage
    from data.schema import Record
    from data.toolgraph.api import Api, Language
    from data.toolgraph.graph import Graph
    from data.toolgraph.tasks import Difficulty, Wanted

COMMAND = "plumb data toolgraph"


@dataclass(frozen=True, kw_only=True)
class ToolgraphOptions(AskingOptions):
    """What `plumb data toolgraph` takes."""

    out: Folder
    count: Annotated[int, typer.Option(help="tasks", min=1)] = 1000
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0
    difficulty: Annotated[
        str, typer.Option(metavar="NAME:WEIGHT,...", help="weights of easy, medium and hard")
    ] = "easy:1,medium:1,hard:1"
    length: Annotated[int, typer.Option(help="steps of a task at most", min=1, max=5)] = 5
    breadth: Annotated[int, typer.Option(help="calls at once at most", min=1, max=3)] = 3
    language: Annotated[
        str, typer.Option(metavar="CODE,...", help="of the words: en, zh; they take turns")
    ] = "en,zh"
    apis: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="tools of your own, with output schemas"),
    ] = None
    episodes: Annotated[
        bool,
        typer.Option("--episodes", help="whole episodes for `env: toolgraph`, not their last step"),
    ] = False
    only: Annotated[
        bool, typer.Option("--only", help="use the tools of --apis alone, none of Plumb's")
    ] = False
    model: OptionalModels = None
    max_tokens: MaxTokens = 2048
    overwrite: ReplaceFolder = False


@takes_options
def toolgraph(options: ToolgraphOptions) -> None:
    """Make tasks of tool use whose right calls are known, as they were executed.

    Tools whose results feed others make a graph: by type (`kind`), by name or by
    an example. A path through it is a task: some steps, of which the last has one
    call or several at once. The calls are made against simulated tools, and what
    came back is in the conversation; the last step's calls are the reference. A
    person asks for everything at once, or turn by turn. With --episodes a task is
    the first request alone, for the environment `toolgraph`, which runs the tools,
    says what comes next, and compares calls and final state. easy is one call, medium
    two, in a row or at once, hard three to five, among more tools on offer.

    Plumb has 35 simulated tools in six domains. --apis adds yours: a list of
    {"name", "description", "parameters", "returns", "ask", "examples"} with JSON
    Schemas; a call among the examples gives its result, any other a value of the
    schema. With --model a model puts the words as people would; words that lose a
    value are not taken.

    Examples:

      plumb data toolgraph --out tools/ --count 3000

      plumb data toolgraph --out hard/ --difficulty medium:2,hard:1 --language en

      plumb data toolgraph --out own/ --apis apis.json --only --count 500 \\
        --model qwen3-32b=http://host:8000/v1
    """
    with one_line_errors():
        _toolgraph(options)


def _toolgraph(options: ToolgraphOptions) -> None:
    from data.pipeline.run import run_pipeline
    from data.pipeline.source import Rows
    from data.toolgraph.graph import Graph
    from data.toolgraph.rewording import Reword, requests, wording
    from data.toolgraph.tasks import Wanted
    from launch.datasets.asking import ask, check_command
    from launch.datasets.progress import Counting
    from launch.datasets.summary import show_manifest

    began = time.monotonic()
    check_command(options.out, COMMAND, overwrite=options.overwrite)
    graph = Graph(_tools(options.apis, options.only))
    wanted = Wanted(
        options.count,
        options.seed,
        _difficulties(options.difficulty),
        _languages(options.language),
        options.length,
        options.breadth,
        options.episodes,
    )
    models = options.served(options.model or [])
    stages: list[Stage] = []
    if models:
        (asked,) = ask(
            models[:1],
            options.out / ANSWERS,
            lambda: requests(_made(graph, wanted)),
            what="rewording",
            total=options.count,
            asked_for=wording(),
        )
        stages.append(Reword(asked))
    source = Rows("toolgraph", _identity(graph, wanted), partial(_rows, graph, wanted))
    with Counting("making tasks", options.count) as bar:
        manifest = run_pipeline(
            source,
            stages,
            options.out,
            command=COMMAND,
            format={"name": "toolgraph", "recognised_by": COMMAND},
            overwrite=options.overwrite,
            on_block=lambda note: bar.advance(note.read),
        )
    reasons = Counter(edge.reason for edge in graph.edges)
    known = ", ".join(f"{number} by {reason}" for reason, number in sorted(reasons.items()))
    print(f"{len(graph.apis)} tools, {len(graph.edges)} edges ({known or 'none'})")
    show_manifest(manifest, options.out, began)
    print(f"next: plumb data difficulty {options.out} --out measured/")


def _tools(apis: Path | None, only: bool) -> "list[Api]":
    from data.toolgraph.api import ToolGraphError
    from data.toolgraph.declared import load_apis
    from data.toolgraph.library import library

    if only and apis is None:
        raise ToolGraphError("--only leaves no tools: give a file of your own by --apis")
    own = [] if apis is None else load_apis(apis)
    return own if only else [*library(), *own]


def _difficulties(text: str) -> "dict[Difficulty, float]":
    from data.toolgraph.api import ToolGraphError
    from data.toolgraph.tasks import SHAPES

    found: dict[Difficulty, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition(":")
        known = next((one for one in SHAPES if one == name), None)
        try:
            number = float(weight or 1)
        except ValueError:
            number = -1.0
        if known is None or known in found or not 0 <= number < float("inf"):
            raise ToolGraphError(
                f"--difficulty {part!r}: write {', '.join(SHAPES)}, each once, as name:weight"
            )
        found[known] = number
    if not any(found.values()):
        raise ToolGraphError(f"--difficulty {text}: every weight is 0: give one above it")
    return found


def _languages(text: str) -> "list[Language]":
    from data.toolgraph.api import Language, ToolGraphError

    names = [part.strip() for part in text.split(",")]
    known = get_args(Language)
    if not set(names) <= set(known) or len(set(names)) < len(names):
        raise ToolGraphError(f"--language {text}: there are {', '.join(known)}, each once")
    return [one for name in names for one in known if one == name]


def _identity(graph: "Graph", wanted: "Wanted") -> "dict[str, object]":
    """What the records depend on."""
    from data.schema import content_id
    from data.toolgraph.tasks import VERSION

    tools = [
        [api.declaration(), sorted(api.returns), dict(api.asks), api.domain, list(api.examples)]
        for api in graph.apis.values()
    ]
    return {
        "tools": content_id([], [], tools, ""),
        "count": wanted.count,
        "seed": wanted.seed,
        "difficulties": dict(wanted.difficulties),
        "languages": list(wanted.languages),
        "length": wanted.length,
        "breadth": wanted.breadth,
        "episodes": wanted.episodes,
        "version": VERSION,
    }


def _made(graph: "Graph", wanted: "Wanted") -> "Iterator[Record]":
    from data.toolgraph.tasks import make_tasks

    return make_tasks(graph, wanted)


def _rows(graph: "Graph", wanted: "Wanted") -> "Iterator[Row]":
    from data.files import Row
    from data.records import as_json

    for number, record in enumerate(_made(graph, wanted), start=1):
        yield Row(number, f"task {number}", as_json(record))
