"""What DuckDB is told: the columns of the table in memory, and what it may reach."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from launch.view.cache import Snapshot

KIND_LENGTH: Final = 60

COLUMNS: Final[Mapping[str, tuple[str, str, str]]] = {
    "grp": ("BIGINT", "group", '"group"'),
    "episode": ("INTEGER", "episode", "episode"),
    "prompt_id": ("VARCHAR", "prompt_id", "prompt_id"),
    "task": ("VARCHAR", "task", "task"),
    "source": ("VARCHAR", "source", "source"),
    "mode": ("VARCHAR", "mode", "mode"),
    "outcome": ("VARCHAR", "outcome", "outcome"),
    "kind": (
        "VARCHAR",
        "reason",
        "regexp_replace(split_part(reason[:400], ':', 1), "
        f"'''[^'']*''|\"[^\"]*\"|[0-9]+', '…', 'g')[:{KIND_LENGTH}]",
    ),
    "reward": ("FLOAT", "reward", "reward"),
    "advantage": ("FLOAT", "advantage", "advantage"),
    "lag": ("INTEGER", "lag", "lag"),
    "turns": ("INTEGER", "turns", "turns"),
    "tokens": ("INTEGER", "tokens", "tokens"),
    "prompt_tokens": ("INTEGER", "prompt_tokens", "prompt_tokens"),
    "stop": ("VARCHAR", "stop_reason", "stop_reason"),
    "ending": ("VARCHAR", "ending", "ending"),
    "used": ("BOOLEAN", "used", "used"),
    "seconds": ("FLOAT", "metrics", "metrics['seconds']"),
    "took": ("FLOAT", "seconds", "seconds"),
}
"""By name: type, the file's column that it needs, and how it is made of it. `seconds` is what
grading took, `took` the episode before it."""
MIXED: Final = ("outcome", "task", "source", "mode", "kind", "stop", "ending")
"""Columns whose values are counted, and may be chosen from."""
MIX: Final = f"hash({', '.join(MIXED)})"
"""A number of what a row has in those."""
NAMES: Final = ("doc", "shelf", "step", *COLUMNS)
ENGINES: Final = """
SELECT turn.engine AS engine, count(*) AS turns, sum(turn.tokens) AS tokens,
    sum(turn.tokens) / nullif(sum(turn.seconds), 0) AS speed, max(turn.seconds) AS slowest,
    sum(turn.cached_tokens) / nullif(sum(turn.prompt_tokens), 0) AS cached, any_value(step) AS step
FROM (SELECT step, unnest(turn_records) AS turn FROM read_parquet(?))
WHERE turn.engine IS NOT NULL GROUP BY 1 ORDER BY speed, engine LIMIT 512
"""
"""Of a file with turns: by engine, tokens a second of one request, its slowest turn, and the share
of contexts that its prefix cache held."""


def lock_down(
    database: duckdb.DuckDBPyConnection, runs: Sequence[Path], snapshots: Iterable[Snapshot]
) -> None:
    """Let DuckDB reach the folders that it needs and nothing else, for good."""
    folders = [*map(str, runs), *(str(one.folder) for one in snapshots)]
    listed = ", ".join(f"'{folder.replace(chr(39), chr(39) * 2)}/'" for folder in folders)
    for statement in (
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET temp_directory = ''",
        f"SET threads = {max(1, min(4, os.cpu_count() or 1))}",
        f"SET allowed_directories = [{listed}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        database.execute(statement)


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")
