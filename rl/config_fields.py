"""The settings of `rl.config` by their dotted paths, and what is said of each."""

import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from rl.config import RunConfig, Section


def field_paths(section: type[BaseModel] = RunConfig, prefix: str = "") -> list[str]:
    """Every valid dotted path, sections included."""
    paths = []
    for name, field in section.model_fields.items():
        paths.append(f"{prefix}{name}")
        child = section_of(field.annotation)
        if child is not None:
            paths.extend(field_paths(child, f"{prefix}{name}."))
    return paths


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The settings class behind a field's annotation, if it is one."""
    if get_origin(annotation) in {Union, types.UnionType}:
        found = (section_of(argument) for argument in get_args(annotation))
        return next((section for section in found if section is not None), None)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return None


def describe_fields(section: type[BaseModel] = RunConfig) -> Mapping[str, str]:
    """Dotted path -> docstring of every field that holds a value."""
    described: dict[str, str] = {}
    for path in field_paths(section):
        node: type[BaseModel] = section
        *parents, leaf = path.split(".")
        for part in parents:
            child = section_of(node.model_fields[part].annotation)
            if child is not None:
                node = child
        field = node.model_fields[leaf]
        if section_of(field.annotation) is None:
            described[path] = " ".join((field.description or "").split())
    return described
