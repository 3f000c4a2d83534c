"""What an evaluation leaves: `results.json`, `answers.parquet`, a table.

Guarantees: all of it follows from the answers and verdicts on disk alone, and those of one prompt
at a time are held. Both files appear whole, and `results.json` last: where it is, both are of the
same evaluation.
The columns of `answers.parquet` are those of a run's rollouts where they mean the same.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from data.schema import Prompt
from launch.evaluate.answers import REFUSED, Given, Kept, key_of
from launch.evaluate.identity import asked_by, graded_by
from launch.evaluate.selecting import best_of
from launch.evaluate.sets import EvalSet, levels_of, source_of
from launch.evaluate.work import Work
from rewards import Verdict
from rewards.types import SET_UP
from rl.evaluation_numbers import (
    Asked,
    Attempt,
    accuracies,
    interval,
    numbers_of,
    vote_of,
    votes_count,
)
from rl.rollout_columns import EPISODES
from rl.rollout_files import ROW_GROUP, message_line
from rl.storage import writing

RESULTS: Final = "results.json"
ANSWERS: Final = "answers.parquet"
UNANSWERED: Final = "lost"
"""How an answer ended that is not there: infrastructure failed on it."""
VERSION: Final = 1
LOST: Final = Verdict.ungradable("infrastructure: it was not graded; run the command again")

COLUMNS: Final = pa.schema(
    [
        ("set", pa.string()),
        ("level", pa.string()),
        ("digest", pa.string()),
        *(field for field in EPISODES if field.name not in ("step", "lag", "advantage", "used")),
        ("thinking", pa.string()),
        ("score", pa.float64()),
        ("chosen", pa.bool_()),
    ]
)
"""One row an answer. `set` and `level` are the evaluation's, `digest` tells prompts by content, and
`group` numbers the prompts of all sets and `episode` the answers to one. `thinking` is what a
server parted from `response`. `score` is what `--select` gave, and `chosen` the best of a
prompt's."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer, graded."""

    given: Given
    verdict: Verdict
    score: float | None


Kepts = Mapping[str, Kept]
"""By set."""


def rows_of(one: EvalSet, prompt: Prompt, kept: Kept) -> list[Row]:
    """Every answer to a prompt; one that has no verdict yet was lost."""
    rows = []
    for number in range(one.settings.samples):
        key = key_of(prompt, number)
        given = kept.answer(key) or Given("", end=UNANSWERED, turns=0)
        rows.append(Row(given, kept.verdict(key) or LOST, kept.score(key)))
    return rows


def numbers(one: EvalSet, kept: Kept) -> dict[str, Any]:
    """What is measured on a set."""
    votes = votes_count(one.settings.samples)
    counts: Counter[str] = Counter()
    asked: list[Asked] = []
    picked: list[Verdict] = []
    for prompt in one.prompts:
        rows = rows_of(one, prompt, kept)
        asked.append(_asked(prompt, rows, votes=votes))
        counts["refused"] += sum(row.given.end == REFUSED for row in rows)
        counts["lost"] += sum(_is_lost(row.verdict) for row in rows)
        counts["response_tokens"] += sum(row.given.tokens for row in rows)
        place = best_of([row.score for row in rows])
        picked += [] if place is None else [rows[place].verdict]
    return {
        **numbers_of(asked, one.settings.samples),
        "accuracy_by_level": accuracies(asked, levels_of(one.prompts)),
        **{name: counts[name] for name in ("refused", "lost", "response_tokens")},
        **_chosen(picked),
    }


def write(work: Work, kept: Kepts, seconds: float) -> dict[str, Any]:
    """Write both files; gives what `results.json` holds.

    Raises:
        StorageError: the folder cannot be written.
    """
    found = {
        "plumb_evaluation": VERSION,
        "model": work.target.name if work.served is None else work.served.model,
        "path": work.target.path or ",".join(work.target.urls),
        "run_dir": str(work.target.run_dir) if work.target.run_dir else None,
        "preset": None if work.preset is None else work.preset.source,
        "select": None if work.choice is None else work.choice.name,
        "time": time.time(),
        "seconds": seconds,
        "reward": graded_by(work),
        "sets": {one.name: _of_set(work, one, kept[one.name]) for one in work.sets},
    }
    with writing(work.out):
        work.out.mkdir(parents=True, exist_ok=True)
        (work.out / RESULTS).unlink(missing_ok=True)
        temporary = work.out / f".{ANSWERS}.tmp"
        with parquet.ParquetWriter(temporary, COLUMNS, compression="zstd") as writer:
            for batch in _batches(work.sets, kept):
                table = pa.Table.from_pylist(batch, schema=COLUMNS)
                writer.write_table(table, row_group_size=ROW_GROUP)
        temporary.replace(work.out / ANSWERS)
        _whole(work.out / RESULTS, (json.dumps(found, indent=1) + "\n").encode())
    return found


def _of_set(work: Work, one: EvalSet, kept: Kept) -> dict[str, Any]:
    return {
        "file": one.reading.file,
        "format": one.format,
        "samples": one.settings.samples,
        "asked": asked_by(work, one),
        **numbers(one, kept),
    }


def _asked(prompt: Prompt, rows: Sequence[Row], *, votes: bool) -> Asked:
    attempts = tuple(
        Attempt(
            row.verdict.is_correct if row.verdict.is_gradable else None,
            vote_of(row.given.response, row.given.opened) if votes else "",
            row.given.tokens,
            row.given.end == "length",
            row.given.end not in (UNANSWERED, REFUSED),
        )
        for row in rows
    )
    return Asked(prompt.task, source_of(prompt), attempts, prompt.mode)


def _chosen(picked: Sequence[Verdict]) -> dict[str, Any]:
    """How often the best-scored answer is right; nothing where nothing was scored."""
    if not picked:
        return {}
    counts = [(int(verdict.is_correct), 1) for verdict in picked if verdict.is_gradable]
    share = sum(right for right, _ in counts) / len(counts) if counts else None
    return {"best_of": share, "best_of_interval": interval(counts), "chosen": len(picked)}


def _is_lost(verdict: Verdict) -> bool:
    return not verdict.is_gradable and verdict.reason.partition(":")[0] in SET_UP


def _batches(sets: Sequence[EvalSet], kept: Kepts) -> Iterator[list[dict[str, Any]]]:
    """Rows of the table, so many at a time that few are held."""
    batch: list[dict[str, Any]] = []
    groups = count()  # over all sets: they are in one file, where a number tells one group
    for one in sets:
        for level, prompt in zip(levels_of(one.prompts), one.prompts, strict=True):
            rows = rows_of(one, prompt, kept[one.name])
            batch += _rows(one, next(groups), prompt, level, rows)
            if len(batch) >= ROW_GROUP:
                yield batch
                batch = []
    if batch:
        yield batch


def _rows(
    one: EvalSet, group: int, prompt: Prompt, level: str, rows: Sequence[Row]
) -> Iterator[dict[str, Any]]:
    reference = prompt.reference
    chosen = best_of([row.score for row in rows])
    common = {
        "set": one.name,
        "level": level,
        "digest": prompt.digest(),
        "group": group,
        "prompt_id": prompt.id,
        "task": prompt.task,
        "source": source_of(prompt),
        "mode": prompt.mode,
        "prompt": "\n".join(map(message_line, prompt.messages)),
        "reference": reference if isinstance(reference, str) else json.dumps(reference),
        "ending": "evaluated",
    }
    for number, row in enumerate(rows):
        given, verdict = row.given, row.verdict
        yield {
            **common,
            "episode": number,
            "response": given.response,
            "messages": json.dumps(list(given.messages)) if given.messages else None,
            "outcome": str(verdict.outcome),
            "reward": verdict.reward if verdict.is_gradable else None,
            "reason": verdict.reason,
            "metrics": list({**given.metrics, **verdict.metrics}.items()),
            "turns": given.turns,
            "tokens": given.tokens,
            "prompt_tokens": given.prompt_tokens,
            "stop_reason": given.end,
            "seconds": given.seconds,
            "opened": given.opened,
            "thinking": given.thought or None,
            "score": row.score,
            "chosen": number == chosen,
        }


def _whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
