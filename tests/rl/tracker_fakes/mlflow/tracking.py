"""MLflow's client."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tracker_log import at, note

KEY = re.compile(r"[\w\-. :/]{1,250}")


class MlflowClient:
    def __init__(self, tracking_uri: Any = None) -> None:
        pass

    def get_experiment_by_name(self, name: str) -> Any:
        at("open")
        return None

    def create_experiment(self, name: str) -> str:
        return "7"

    def search_runs(
        self, experiment_ids: Any, filter_string: str = "", max_results: int = 1000
    ) -> list[Any]:
        return []

    def create_run(self, experiment_id: str, tags: Any = None, run_name: Any = None) -> Any:
        note("mlflow", "open", run="m1", name=run_name)
        return SimpleNamespace(info=SimpleNamespace(run_id="m1"))

    def update_run(self, run_id: str, status: Any = None) -> None:
        note("mlflow", "state", run=run_id, status=status)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        note("mlflow", "text", file=artifact_file, text=text)

    def log_batch(
        self, run_id: str, metrics: Any = (), params: Any = (), synchronous: Any = None
    ) -> None:
        assert len(metrics) <= 1000 and len(params) <= 100
        assert all(KEY.fullmatch(one.key) for one in (*metrics, *params))
        if metrics:
            at("send")
        for one in metrics:
            at(f"step{one.step}")
        for one in metrics:
            note("mlflow", "row", step=one.step, values={one.key: one.value}, table=None)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        at("samples")
        step = int(Path(artifact_file).stem.removeprefix("step_"))
        note("mlflow", "row", step=step, values={}, table=dictionary)

    def set_tag(self, run_id: str, key: str, value: Any) -> None:
        note("mlflow", "again", steps=[int(one) for one in value.split(",")])

    def log_artifact(self, run_id: str, local_path: str) -> None:
        note("mlflow", "report", text=Path(local_path).read_text())

    def set_terminated(self, run_id: str, status: Any = None) -> None:
        at("close")
        note("mlflow", "end", how=status)
