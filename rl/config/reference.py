"""`python -m rl.config.reference` writes README.md beside this file: every setting of a run.

The page is made of the models alone, those of a run and those of the verifiers that come along:
keys, types, bounds, defaults, and the words under each field. A test fails where it is not what the
models say.
"""

import json
import re
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rewards.registry import load_verifier
from rl.config.run import RunConfig

PAGE: Final = Path(__file__).with_name("README.md")
HEAD: Final = """# Settings of a run

Every key that a file of `plumb train` may have, or a `key.path=value` behind it. A file holds those
that differ from their default; `plumb train CONFIG --plan` prints what a run would be, and
`RUN_DIR/config.yaml` holds all of them as they were used. `extends: other.yaml` takes the settings
of another file and changes some. This page is written by `python -m rl.config.reference`.
"""
OPTIONS: Final = """# Options of verifiers

What `reward.options` may have, or the `options` of a route or a term, by the verifier they are for.
`math` and `math-bare` have one, `unevaluated`: [more](../../rewards/README.md).
"""
VERIFIERS: Final = ("code", "tool", "constraints", "judge", "format", "overlong", "reasoning")
BOUNDS: Final = {Ge: "≥ {0.ge}", Gt: "> {0.gt}", Le: "≤ {0.le}", Lt: "< {0.lt}"}
NAMES: Final = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    Any: "anything",
    Path: "path",
    type(None): "null",
}


def page() -> str:
    """The page's text."""
    lines = [HEAD, *_section("", RunConfig), OPTIONS]
    for name in VERIFIERS:
        model = cast(type[BaseModel], load_verifier(name).function)
        lines += _section(f"options of {name}", model)
    return "\n".join(lines)


def _section(path: str, model: type[BaseModel], about: str = "") -> Iterator[str]:
    """A table of a section's own keys, then the sections in it."""
    plain = [one for one in model.model_fields.items() if not _models(one[1])]
    nested = [one for one in model.model_fields.items() if _models(one[1])]
    if path:
        yield f"## {path}\n"
        yield f"{' '.join(filter(None, [_sentences(model.__doc__), _sentences(about)]))}\n"
    if plain:
        yield "| key | value | default | |\n|---|---|---|---|"
        yield from (f"| {' | '.join(_row(name, field))} |" for name, field in plain)
        yield ""
    for name, field in nested:
        for inner in _models(field):
            below = name if _origin(field) is not dict else f"{name}.NAME"
            within = f"{path}.{below}".lstrip(".")
            yield from _section(within, inner, field.description or "")


def _row(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    bounds = [BOUNDS[type(one)].format(one) for one in field.metadata if type(one) in BOUNDS]
    value = ", ".join([_words(field.annotation), *bounds])
    return f"`{name}`", _escaped(value), _escaped(_default(field)), _sentences(field.description)


def _words(kind: Any) -> str:
    """A type, as someone who writes YAML would say it."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        bounds = [BOUNDS[type(one)].format(one) for one in inner[1:] if type(one) in BOUNDS]
        return " ".join([_words(inner[0]), *bounds])
    if origin is Literal or isinstance(kind, type(Enum)):
        choices = inner or [one.value for one in kind]
        return " or ".join(f"`{one}`" for one in choices)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_words, inner)))
    if origin in (list, tuple):
        return f"list of {_words(inner[0])}"
    if origin is dict:
        return f"{_words(inner[1])}, by name"
    return NAMES[kind]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if field.default_factory is not None:
        return "by the machine"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    if isinstance(value, Path):
        value = str(value)
    return f"`{json.dumps(value, ensure_ascii=False, default=list)}`"


def _models(field: FieldInfo) -> list[type[BaseModel]]:
    """The sections that a field holds."""
    return list(dict.fromkeys(_found(field.annotation)))


def _found(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, BaseModel):
        yield kind
    for one in get_args(kind):
        yield from _found(one)


def _origin(field: FieldInfo) -> Any:
    return get_origin(field.annotation)


def _sentences(text: str | None) -> str:
    return _escaped(re.sub(r"\s+", " ", text or "").strip())


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
