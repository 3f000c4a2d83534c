"""Stands in for W&B's package: the calls that Plumb makes, with its signatures."""

import os
import tempfile
from types import SimpleNamespace
from typing import Any

from tracker_log import at, note


class Error(Exception):
    pass


class Settings:
    def __init__(self, **fields: Any) -> None:
        note("wandb", "settings", fields=fields)


class Table:
    def __init__(self, columns: Any = None, data: Any = None) -> None:
        self.columns, self.data = columns, data


class Artifact:
    def __init__(self, name: str, type: str) -> None:
        self.name, self.text = name, ""

    def add_file(self, local_path: str) -> None:
        with open(local_path) as file:  # noqa: PTH123
            self.text = file.read()


class Config:
    def update(self, d: Any, allow_val_change: Any = None) -> None:
        note("wandb", "again", steps=d["steps_trained_again"])


class Run:
    url = "https://wandb.example/plumb/runs/1"

    def __init__(self, folder: str) -> None:
        self.config = Config()
        self.settings = SimpleNamespace(sync_dir=folder)

    def define_metric(self, name: str, step_metric: Any = None, hidden: Any = None) -> None:
        note("wandb", "define", name=name, step_metric=step_metric)

    def log(self, data: dict[str, Any]) -> None:
        at("send")
        values = dict(data)
        table = values.pop("samples", None)
        at("samples" if table else f"step{data['step']}")
        rows = table and {"columns": table.columns, "data": table.data}
        note("wandb", "row", step=values.pop("step"), values=values, table=rows)

    def log_artifact(self, artifact_or_path: Artifact) -> None:
        note("wandb", "report", name=artifact_or_path.name, text=artifact_or_path.text)

    def finish(self, exit_code: int | None = None) -> None:
        at("close")
        note("wandb", "end", how=exit_code)


def init(
    entity: Any = None,
    project: Any = None,
    dir: Any = None,
    id: Any = None,
    name: Any = None,
    tags: Any = None,
    config: Any = None,
    mode: Any = None,
    resume: Any = None,
    settings: Any = None,
) -> Run:
    at("open")
    note("wandb", "open", run=id, project=project, config=config, mode=mode, resume=resume)
    return Run(tempfile.mkdtemp(dir=dir))


def setup() -> Any:
    server = os.environ.get("WANDB_BASE_URL", "data:,")  # an address that answers at once
    return SimpleNamespace(settings=SimpleNamespace(base_url=server))


def teardown() -> None:
    pass
