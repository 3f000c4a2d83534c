"""A run at MLflow: a server, or another store that MLflow can open.

A number is remembered there by its name, step and time, so one that is sent again, as a request
timed out that had been served, is there once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from rl.trackers.service import Ending, Opening, Point, Table

ID_TAG: Final = "plumb.id"
AGAIN_TAG: Final = "plumb.steps_trained_again"
MOST_METRICS: Final = 1000
"""Of a request, as MLflow's servers have it; likewise below."""
MOST_PARAMS: Final = 100
PARAM_CHARACTERS: Final = 500
KEY_CHARACTERS: Final = 250
STATES: Final[Mapping[Ending, str]] = {
    "finished": "FINISHED",
    "failed": "FAILED",
    "killed": "KILLED",
}
_NO_KEY: Final = re.compile(r"[^\w\-. :/]")


class MlflowService:
    """See `rl.trackers.service.Service`."""

    def __init__(self, opening: Opening) -> None:
        import mlflow
        from mlflow.tracking import MlflowClient

        self._entities: Any = mlflow.entities
        self._client: Any = MlflowClient(tracking_uri=opening.settings["uri"])
        self._opening = opening
        experiment = self._experiment()
        found = opening.run or self._known(experiment)
        if found is None:
            created = self._client.create_run(
                experiment, tags={ID_TAG: opening.id}, run_name=opening.name
            )
            found = created.info.run_id
            self._log_params(found)
        self._run = str(found)
        self._client.update_run(self._run, status="RUNNING")
        text = yaml.safe_dump(dict(opening.config), sort_keys=False)
        self._client.log_text(self._run, text, "config.yaml")
        self._where = f"run {self._run} of experiment {opening.settings['experiment']!r}"

    @property
    def run(self) -> str:
        """MLflow's id."""
        return self._run

    @property
    def where(self) -> str:
        """Its id and experiment."""
        return self._where

    @property
    def later(self) -> str | None:
        """Nothing is held back."""
        return None

    @property
    def at_once(self) -> int:
        """MLflow knows a number again."""
        return 50

    def send(self, points: Sequence[Point]) -> None:
        """Metrics in batches."""
        metrics = [
            self._entities.Metric(key_of(tag), value, int(point.time * 1000), point.step)
            for point in points
            for tag, value in point.values.items()
        ]
        for at in range(0, len(metrics), MOST_METRICS):
            batch = metrics[at : at + MOST_METRICS]
            self._client.log_batch(self._run, metrics=batch, synchronous=True)

    def samples(self, step: int, table: Table) -> None:
        """A JSON file."""
        tree = {"columns": list(table.columns), "data": list(table.rows)}
        self._client.log_dict(self._run, tree, f"samples/step_{step:06d}.json")

    def again(self, steps: Sequence[int]) -> None:
        """A tag."""
        words = ", ".join(map(str, steps))
        self._client.set_tag(self._run, AGAIN_TAG, words[:PARAM_CHARACTERS])

    def report(self, path: Path) -> None:
        """An artifact."""
        self._client.log_artifact(self._run, str(path))

    def close(self, ending: Ending) -> None:
        """Say how it ended."""
        self._client.set_terminated(self._run, STATES[ending])

    def _experiment(self) -> str:
        name = self._opening.settings["experiment"]
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def _known(self, experiment: str) -> str | None:
        """A run that was made, though its answer was lost."""
        query = f"tags.`{ID_TAG}` = '{self._opening.id}'"
        runs = self._client.search_runs([experiment], query, max_results=1)
        return str(runs[0].info.run_id) if runs else None

    def _log_params(self, run: str) -> None:
        params = [
            self._entities.Param(key_of(key), value[:PARAM_CHARACTERS])
            for key, value in params_of(self._opening.config)
        ]
        for at in range(0, len(params), MOST_PARAMS):
            batch = params[at : at + MOST_PARAMS]
            self._client.log_batch(run, params=batch, synchronous=True)


def key_of(tag: str) -> str:
    """A name as MLflow takes it: one that leads nowhere else where it is read as a path."""
    parts = _NO_KEY.sub("_", tag)[:KEY_CHARACTERS].split("/")
    parts = [one.replace(".", "_") if one.startswith("..") or one == "." else one for one in parts]
    key = "/".join(one or "_" for one in parts)
    return key if len(key) <= KEY_CHARACTERS else key[:KEY_CHARACTERS].rstrip("/.")


def params_of(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Settings by their paths."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from params_of(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
