"""Stands in for trackio's package: the calls that Plumb makes, with its signatures."""

import os
from pathlib import Path
from typing import Any

from tracker_log import at, note


class Table:
    def __init__(self, columns: Any = None, data: Any = None) -> None:
        self.columns, self.data = columns, data


class Run:
    def log(self, metrics: dict[str, Any], step: int | None = None) -> None:
        at("send")
        values = dict(metrics)
        if "steps_trained_again" in values:
            note("trackio", "again", steps=step)
            return
        table = values.pop("samples", None)
        at("samples" if table else f"step{step}")
        rows = table and {"columns": table.columns, "data": table.data}
        note("trackio", "row", step=step, values=values, table=rows)

    def log_artifact(self, artifact_or_path: str, name: Any = None, type: Any = None) -> None:
        note("trackio", "report", name=name, text=Path(artifact_or_path).read_text())


def init(
    project: str,
    name: Any = None,
    space_id: Any = None,
    config: Any = None,
    resume: str = "never",
    private: Any = None,
    embed: bool = True,
    auto_log_gpu: Any = None,
    auto_log_cpu: Any = None,
) -> Run:
    at("open")
    space = space_id or os.environ.get("TRACKIO_SPACE_ID")
    where = {"space": space, "private": private}
    note("trackio", "open", run=name, project=project, config=config, resume=resume, **where)
    return Run()


def finish() -> None:
    at("close")
    note("trackio", "end", how=None)
