"""The formats there are, by name: built in, of the entry point group `plumb.formats`, or in a file.

Guarantees: a built-in name means the built-in format; a name that leads nowhere, and a plugin that
does not load or is no format, is one clear line.
"""

import difflib
from importlib.metadata import entry_points
from typing import Final

from data.errors import SourceError
from data.formats.acecode import AceCode
from data.formats.apps import Apps, Taco
from data.formats.bfcl import Bfcl
from data.formats.bfcl_turns import BfclTurns
from data.formats.big_math import BigMath
from data.formats.chat import Chat
from data.formats.format import Format
from data.formats.gsm8k import Gsm8k
from data.formats.hermes import Hermes
from data.formats.humaneval import HumanEval
from data.formats.ifeval import IfEval
from data.formats.kodcode import KodCode
from data.formats.livecodebench import LiveCodeBench
from data.formats.math import Math
from data.formats.mbpp import Mbpp
from data.formats.numina import Numina
from data.formats.openr1 import OpenR1
from data.formats.plain import Plain
from data.formats.records import Records
from data.formats.skywork import Skywork
from data.formats.synthetic1 import Synthetic1
from data.formats.toolace import ToolAce
from data.formats.tulu_if import TuluIf
from data.formats.verl import Verl
from data.formats.xlam import Xlam
from rewards.errors import PluginError
from rewards.plugin_file import is_file_spec, load_from_file

ENTRY_POINT_GROUP: Final = "plumb.formats"
BUILT_IN: Final[tuple[Format, ...]] = (
    Records(),
    Gsm8k(),
    Math(),
    OpenR1(),
    Synthetic1(),
    Numina(),
    BigMath(),
    Verl(),
    Skywork(),
    HumanEval(),
    Mbpp(),
    Apps(),
    Taco(),
    LiveCodeBench(),
    KodCode(),
    AceCode(),
    Bfcl(),
    BfclTurns(),
    Xlam(),
    ToolAce(),
    Hermes(),
    TuluIf(),
    IfEval(),
)
"""Each known by something that the others lack."""
GENERAL: Final[tuple[Format, ...]] = (Plain(), Chat())
"""Tried in this order where no other is recognised."""


def format_named(name: str) -> Format:
    """The format called `name`, or that of `path/to/file.py:Class`.

    Raises:
        SourceError: there is none, or it cannot be loaded.
    """
    if is_file_spec(name):
        try:
            found, label = load_from_file(name, "format")
        except PluginError as error:
            raise SourceError(str(error)) from error
        return _as_format(found, label)
    known = {format.name: format for format in (*BUILT_IN, *GENERAL)}
    if name in known:
        return known[name]
    plugins = plugged()
    if name in plugins:
        return plugins[name]
    names = [*known, *plugins]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise SourceError(
        f"no format is called {name!r}{hint} Known: auto, {', '.join(sorted(names))}. "
        "One of your own is named as path/to/file.py:Class"
    )


def plugged() -> dict[str, Format]:
    """The formats of the entry point group; raises SourceError where one does not load."""
    found = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        label = f"the format {point.name!r} (entry point {point.value!r})"
        try:
            loaded = point.load()
        except (Exception, SystemExit) as error:
            raise SourceError(
                f"{label} failed to import: {type(error).__name__}: {error}; mend or uninstall it"
            ) from error
        found[point.name] = _as_format(loaded, label)
    return found


def _as_format(loaded: object, label: str) -> Format:
    """An instance of what was loaded, which is one already, or a class without arguments."""
    try:
        made = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:
        raise SourceError(
            f"{label} cannot be made without arguments: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(made, Format):
        lacking = [part for part in _PARTS if not hasattr(made, part)]
        raise SourceError(
            f"{label} is no format: it lacks {', '.join(lacking)}; see data/formats/README.md"
        )
    return made


_PARTS: Final = ("name", "tasks", "licence", "matches", "records")
