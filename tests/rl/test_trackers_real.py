"""The trackers' own packages: what stands in for them in other tests has their signatures.

They are no dependencies of Plumb's: `PLUMB_TRACKERS_PYTHON` names a Python that has them, such as
that of `make trackers`.
"""

import inspect
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.rl.tracked import FAKES, Tracked

NAMED = os.environ.get("PLUMB_TRACKERS_PYTHON", "")
CALLS = """
import inspect, json, sys
import mlflow, mlflow.entities, mlflow.tracking, trackio, wandb

CLASSES = {
    "wandb": {"": ["init", "setup", "teardown", "Table"], "Run": ["define_metric", "log",
        "log_artifact", "finish"], "Artifact": ["add_file"]},
    "trackio": {"": ["init", "finish", "Table"], "Run": ["log", "log_artifact"]},
    "mlflow.entities": {"": ["Metric", "Param"]},
    "mlflow.tracking": {"MlflowClient": ["get_experiment_by_name", "create_experiment",
        "search_runs", "create_run", "update_run", "log_text", "log_batch", "log_dict", "set_tag",
        "log_artifact", "set_terminated"]},
}
found = {}
for module, classes in CLASSES.items():
    for owner, names in classes.items():
        base = sys.modules[module]
        base = getattr(base, owner) if owner else base
        for name in names:
            parameters = inspect.signature(getattr(base, name)).parameters
            found[f"{module}.{owner}.{name}"] = [one for one in parameters if one != "self"]
fields = getattr(wandb.Settings, "model_fields", None)
print(json.dumps({"calls": found, "settings": fields and list(fields)}))
"""


def asked(python: str, path: str) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-c", CALLS],
        env={**os.environ, "PYTHONPATH": path, "WANDB_SILENT": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def in_order(ours: list[str], theirs: list[str]) -> bool:
    """Whether each of ours is a parameter of theirs, and the first one is in its place."""
    return set(ours) <= set(theirs) and ours[:1] == theirs[: len(ours[:1])]


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracked:
    if not NAMED:
        pytest.skip("PLUMB_TRACKERS_PYTHON names no Python that has wandb, mlflow and trackio")
    tracked = Tracked(tmp_path, monkeypatch)
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return tracked


def test_stand_ins_have_the_signatures_of_the_real_ones() -> None:
    if not NAMED:
        pytest.skip("PLUMB_TRACKERS_PYTHON names no Python that has wandb, mlflow and trackio")
    from rl.trackers.wandb_service import quiet_settings

    theirs, ours = asked(NAMED, ""), asked(NAMED, str(FAKES))
    wrong = [
        name
        for name, parameters in ours["calls"].items()
        if name != "wandb..init" and not in_order(parameters, theirs["calls"][name])
    ]
    assert wrong == []
    assert set(ours["calls"]["wandb..init"]) <= set(theirs["calls"]["wandb..init"])
    assert set(quiet_settings(1.0)) <= set(theirs["settings"])


@pytest.mark.timeout(900)
def test_the_real_ones_take_a_run_and_its_resumption(real: Tracked, tmp_path: Path) -> None:
    section: dict[str, Any] = {
        "python": NAMED,
        "wandb": {"offline": True},
        "mlflow": {"uri": (tmp_path / "mlruns").as_uri()},
        "trackio": {},
    }
    assert real.whole(range(4), "failed", **section), real.lines
    tracking = real.begin(**section)
    real.steps(range(2, 6), tracking, last_step=1)
    assert tracking.end("finished"), real.lines
    shown = json.loads(
        subprocess.run(
            [NAMED, "-c", inspect.cleandoc(READ), (tmp_path / "mlruns").as_uri()],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
    )
    assert shown["mlflow"] == [[step, step / 8] for step in range(6)]
    assert shown["state"] == "FINISHED" and shown["artifacts"] == ["config.yaml", "report.html"]
    assert shown["trackio"] == [[step, step / 8] for step in range(6)]
    segments = sorted((real.run_dir / "trackers" / "wandb").glob("offline-run-*"))
    assert len({one.name.rpartition("-")[2] for one in segments}) == 1


READ = """
import json, sys
import trackio
from mlflow.tracking import MlflowClient
from trackio.sqlite_storage import SQLiteStorage

client = MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name("plumb")
(run,) = client.search_runs([experiment.experiment_id])
found = {
    "mlflow": [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "loss")],
    "state": run.info.status,
    "artifacts": sorted(one.path for one in client.list_artifacts(run.info.run_id)),
}
(own,) = trackio.Api().runs("plumb")
rows = SQLiteStorage.get_logs("plumb", run=own.name, run_id=own.id)
found["trackio"] = [(row["step"], row["loss"]) for row in rows if row.get("loss") is not None]
print(json.dumps(found))
"""
