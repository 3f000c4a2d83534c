"""One answer with all that is known of it: texts, tokens, and the test that it failed."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml
from pyarrow import ArrowException, parquet

from launch.view.curves import config_text
from launch.view.shelves import Library, place_of
from launch.view.texts import (
    GoneError,
    Row,
    conversation_text,
    id_of,
    messages_of,
    read_whole,
    shelf_of,
)

SHOWN: Final = 120_000
"""Characters of one text that come with an answer; the rest is asked for in parts."""
PART: Final = 1_000_000
TOKENS_SHOWN: Final = 4_096
TEXTS: Final = ("prompt", "response", "reference", "reason")
_EXPECTED: Final = re.compile(r"expected (.{1,2000}?),? (?:but )?got (.{1,2000})", re.S)
_WRONG: Final = re.compile(r"((?:line|word|value) \d+)? ?is wrong: (.{1,2000})", re.S)


def sample(library: Library, doc: int) -> dict[str, Any]:
    """An answer as the page shows it; texts that are cut have their length in `cut`.

    Raises:
        GoneError: It is not there.
    """
    row = read_whole(library, doc)
    number, step, _ = place_of(doc)
    shelf = library.shelves[number]
    said = messages_of(row.get("messages"))
    cut: dict[str, int] = {}
    found: dict[str, Any] = {
        name: _plain(value) for name, value in row.items() if name not in (*TEXTS, "messages")
    }
    for name in TEXTS:
        found[name] = _shortened(name, row.get(name), cut)
    for i, message in enumerate(said):
        content = message.get("content")
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        said[i] = {**message, "content": _shortened(f"messages.{i}", text, cut)}
    return {
        **found,
        "id": id_of(doc),
        "run": shelf.run.name,
        "source": row.get("set") or row.get("source"),
        "shelf": number,
        "set": shelf.name,
        "step": step,
        "messages": said,
        "cut": cut,
        "failure": failure_of(row),
        "metrics": dict(row.get("metrics") or ()),
    }


def text_part(library: Library, doc: int, name: str, offset: int) -> dict[str, Any]:
    """A part of a long text.

    Raises:
        GoneError: There is no such text.
    """
    row = read_whole(library, doc)
    whole: Any = None
    if name in TEXTS:
        whole = row.get(name)
    elif name == "conversation":
        whole = conversation_text(row.get("messages"))
    elif name.startswith("messages.") and name[9:].isdecimal():
        said = messages_of(row.get("messages"))
        index = int(name[9:])
        whole = said[index].get("content") if index < len(said) else None
    if not isinstance(whole, str):
        raise GoneError(f"the answer has no text {name[:40]!r}")
    return {"text": whole[offset : offset + PART], "length": len(whole)}


def failure_of(row: Row) -> dict[str, Any] | None:
    """The test that a program failed: its number, what it was given, what was expected and came."""
    reason = row.get("reason") or ""
    metrics = dict(row.get("metrics") or ())
    told = _EXPECTED.search(reason[:5000])
    found: dict[str, Any] = {}
    wrong = _WRONG.search(reason[:5000])
    if told and row.get("outcome") == "incorrect":
        found |= {"expected": told[1], "got": told[2]}
    elif wrong and row.get("outcome") == "incorrect":
        found |= {"got": wrong[2], "where": wrong[1] or ""}
    cases = _cases(row.get("reference"))
    passed, total = metrics.get("passed"), metrics.get("total")
    # Judging ends at the first failure, so that as many cases were passed as come before it. Where
    # all are run, the share that passed is the reward, and which one failed is not recorded.
    stopped = isinstance(row.get("reward"), float) and row["reward"] == 0.0
    if cases and passed is not None and total is not None and passed < total and stopped:
        index = int(passed)
        if index < len(cases):
            found = {**_case(cases[index]), **found, "case": index, "of": int(total)}
    return found or None


def tokens(library: Library, doc: int, trajectory: int, offset: int, limit: int) -> dict[str, Any]:
    """Tokens of a trajectory: ids, texts, logprobs, versions, and which were trained on.

    Raises:
        GoneError: They are not there.
    """
    row = read_whole(library, doc)
    number, step, _ = place_of(doc)
    shelf = shelf_of(library, number)
    path = shelf.folder / f"step_{step:06d}.tokens.parquet"
    if not path.is_file():
        raise GoneError("no tokens of this answer were kept")
    try:
        found = _trajectories(path, row.get("group"), row.get("episode"))
    except (OSError, ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise GoneError(f"the tokens of step {step} cannot be read: {reason}") from error
    if not 0 <= trajectory < len(found):
        raise GoneError("no tokens of this answer were recorded")
    one = found[trajectory]
    part = slice(offset, offset + limit)
    ids = list(one["ids"])
    return {
        "trajectories": len(found),
        "length": len(ids),
        "offset": offset,
        "ids": ids[part],
        "texts": token_texts(shelf.run.path, ids[part]),
        **{name: list(one[name])[part] for name in one if name in _ALONG},
        "advantage": row.get("advantage"),
    }


_ALONG: Final = ("logprobs", "mask", "versions", "advantages")


def token_texts(run: Path, ids: Sequence[int]) -> list[str] | None:
    """The text of each token by itself; None where the run's tokenizer is not on this machine."""
    path = _tokenizer_file(run)
    if path is None:
        return None
    tokenizer = _tokenizer(str(path), path.stat().st_mtime_ns)
    if tokenizer is None:
        return None
    texts = []
    for one in ids:
        name = tokenizer.id_to_token(one) or f"<{one}>"
        text = tokenizer.decode([one], skip_special_tokens=False)
        texts.append(f" {text}" if name.startswith("▁") and text[:1] != " " else text or name)
    return texts


@lru_cache(maxsize=8)
def _tokenizer(path: str, _changed: int) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(path)
    except Exception:  # the library raises nothing narrower
        return None


def _tokenizer_file(run: Path) -> Path | None:
    """A tokenizer of the run: its own copy, that of its model's folder, or of the hub's cache."""
    places = [run / "model", run / "start_model"]
    with suppress(yaml.YAMLError, AttributeError, TypeError):
        model = (yaml.safe_load(config_text(run)) or {}).get("model", {}).get("path")
        if isinstance(model, str) and not model.startswith("builtin:"):
            places.append(Path(model))
            if (cached := _cached(model)) is not None:
                places.append(cached)
    files = (place / "tokenizer.json" for place in places)
    return next((file for file in files if file.is_file()), None)


def _cached(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, "tokenizer.json")
    except HFValidationError:  # a folder that is not there
        return None
    return Path(found).parent if isinstance(found, str) else None


def _trajectories(path: Path, group: Any, episode: Any) -> list[Mapping[str, Any]]:
    """An episode's, in order; of the file only the row groups that hold them."""
    found: list[Mapping[str, Any]] = []
    with parquet.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            keys = file.read_row_group(number, ["group", "episode"]).to_pylist()
            inside = [
                i
                for i, key in enumerate(keys)
                if key["group"] == group and key["episode"] == episode
            ]
            if inside:
                found += file.read_row_group(number).take(inside).to_pylist()
            elif found:
                break
    return sorted(found, key=lambda one: int(one["trajectory"]))


def _cases(reference: Any) -> list[Any]:
    """The cases of a program's tests."""
    if not isinstance(reference, str) or not reference.startswith("{"):
        return []
    try:
        tests = json.loads(reference)
    except (ValueError, RecursionError):
        return []
    cases = tests.get("cases") if isinstance(tests, dict) else None
    return cases if isinstance(cases, list) else []


def _case(case: Any) -> dict[str, str]:
    if not isinstance(case, Mapping):
        return {}
    given = case.get("stdin")
    if given is None:
        parts = [json.dumps(one, ensure_ascii=False) for one in case.get("args") or ()]
        named = case.get("kwargs") or {}
        if isinstance(named, Mapping):
            parts += [f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in named.items()]
        given = ", ".join(parts)
    expected = case.get("stdout", case.get("returns"))
    told = expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)
    return {"input": str(given)[:SHOWN], "expected": told[:SHOWN]}


def _shortened(name: str, text: Any, cut: dict[str, int]) -> Any:
    if isinstance(text, str) and len(text) > SHOWN:
        cut[name] = len(text)
        return text[:SHOWN]
    return text


def _plain(value: Any) -> Any:
    return (
        dict(value) if isinstance(value, list) and value and isinstance(value[0], tuple) else value
    )
