"""In what the work of a folder differs from the work that is to be done, in words."""

import json
from collections.abc import Mapping
from typing import Any


def difference(held: Any, wanted: Mapping[str, Any]) -> str | None:
    """The first thing that two identities differ in, in words; None where they are the same."""
    if not isinstance(held, Mapping) or not isinstance(held.get("config"), Mapping):
        return "what it was made from is not known"
    inputs, others = held.get("input", []), wanted["input"]
    if len(inputs) != len(others):
        return f"it was made from {len(inputs)} files, and there are now {len(others)}"
    pairs = zip(inputs, others, strict=True)
    changed = next(filter(None, (_changed(old, new) for old, new in pairs)), None)
    if changed is not None:
        return changed
    if held.get("block_rows") != wanted["block_rows"]:
        return "its blocks are of another size"
    for name, value in wanted["config"].items():
        if held["config"].get(name) != value:
            return f"its configuration differs in {_where(name, held['config'].get(name), value)}"
    return None if held["config"] == wanted["config"] else "its configuration is another one"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """In what two inputs differ, in words.

    A file is known by its content wherever it lies, a stream by all that was said of it before it
    was read: its digest, and how many rows there are, come only then.
    """
    is_file = "sha256" in old and "sha256" in new
    apart = {"rows", "path" if is_file else "sha256"}
    was, now = ({name: one[name] for name in one if name not in apart} for one in (old, new))
    if was == now:
        return None
    if {**was, "limit": None} == {**now, "limit": None}:
        told = [one.get("limit", "all") for one in (was, now)]
        return f"of the input {new['path']} {told[0]} rows were wanted, and now {told[1]}"
    return f"the input {new['path']} is not what {old.get('path')} was"


def _where(name: str, old: Any, new: Any) -> str:
    """The path to the first difference of two JSON values, with both."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in new:
            if old.get(key) != new[key]:
                return _where(f"{name}.{key}", old.get(key), new[key])
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            if one != other:
                return _where(f"{name}[{index}]", one, other)
    return f"{name} ({_short(old)} there, {_short(new)} here)"


def _short(value: object, most: int = 60) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}..."
