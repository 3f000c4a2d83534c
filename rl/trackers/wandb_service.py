"""A run at Weights & Biases.

`step` is the x of every curve, not W&B's own counter, which can only grow: an evaluation that ends
beside training belongs to a step that was sent before. W&B keeps what it was sent in its folder, so
a server that is away, or slow at the end, costs nothing: `wandb sync` sends it.
"""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from rl.trackers.ledger import FOLDER
from rl.trackers.service import Ending, Opening, Point, Table

INIT_SECONDS: Final = 30.0
PROBE_SECONDS: Final = 10.0
NOT_SENT: Final = frozenset({"offline", "dryrun", "disabled"})
"""Of WANDB_MODE: with each the run stays on this machine."""


class WandbService:
    """See `rl.trackers.service.Service`."""

    def __init__(self, opening: Opening) -> None:
        import wandb

        self._wandb = wandb
        self._opening = opening
        self._why = ""
        offline = bool(opening.settings["offline"])
        if os.environ.get("WANDB_MODE", "").lower() in NOT_SENT:
            offline, self._why = True, " (WANDB_MODE)"
        server = str(wandb.setup().settings.base_url)
        if not offline and not answers(server):
            offline, self._why = True, f" ({server} does not answer)"
        try:
            self._run: Any = self._init("offline" if offline else "online")
        except wandb.Error as error:
            if offline:
                raise
            self._why = f" ({' '.join(str(error).split())[:200]})"
            offline = True
            wandb.teardown()  # it holds the id of what it could not begin
            self._run = self._init("offline")
        self._is_offline = offline
        self._is_confirmed = False
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")

    @property
    def run(self) -> str:
        """Its id."""
        return self._opening.id

    @property
    def where(self) -> str:
        """Its address, or its folder."""
        if self._is_offline:
            return f"offline in {self._folder}{self._why}"
        return str(self._run.url)

    @property
    def later(self) -> str | None:
        """What `wandb sync` is asked, unless the server has confirmed everything."""
        if self._is_confirmed:
            return None
        words = [sys.executable, "-m", "wandb", "sync", str(self._folder)]
        return shlex.join(words)

    @property
    def at_once(self) -> int:
        """W&B does not know a row again."""
        return 1

    def send(self, points: Sequence[Point]) -> None:
        """A row of W&B's history a step."""
        for point in points:
            self._run.log({"step": point.step, **point.values})

    def samples(self, step: int, table: Table) -> None:
        """A table."""
        self._run.log({"step": step, "samples": self._table(table)})

    def again(self, steps: Sequence[int]) -> None:
        """A value of the run's settings."""
        self._run.config.update({"steps_trained_again": list(steps)}, allow_val_change=True)

    def report(self, path: Path) -> None:
        """An artifact of type report."""
        artifact = self._wandb.Artifact(f"report-{self._opening.id}", type="report")
        artifact.add_file(str(path))
        self._run.log_artifact(artifact)

    def close(self, ending: Ending) -> None:
        """Finish; what is not confirmed in time stays in the folder, and raises."""
        self._run.finish(exit_code=0 if ending == "finished" else 1)
        self._is_confirmed = not self._is_offline

    @property
    def _folder(self) -> Path:
        return Path(self._run.settings.sync_dir)

    def _init(self, mode: str) -> Any:
        opening, settings = self._opening, self._opening.settings
        folder = opening.run_dir / FOLDER
        return self._wandb.init(
            project=settings["project"],
            entity=settings["entity"],
            name=opening.name,
            id=opening.id,
            tags=list(settings["tags"]) or None,
            dir=str(folder),
            config=dict(opening.config),
            resume="allow" if mode == "online" else None,
            mode=mode,
            settings=self._wandb.Settings(**quiet_settings(opening.wait)),
        )

    def _table(self, table: Table) -> Any:
        return self._wandb.Table(
            columns=list(table.columns), data=[list(row) for row in table.rows]
        )


def answers(server: str) -> bool:
    """Whether there is an HTTP server, whatever it says: W&B's own start waits for one long."""
    try:
        with urlopen(server, timeout=PROBE_SECONDS):
            return True
    except HTTPError:
        return True
    except URLError as error:  # W&B trusts other certificates than Python: that is its to say
        return isinstance(error.reason, SSLCertVerificationError)
    except (OSError, HTTPException, ValueError):
        return False


def quiet_settings(wait: float) -> Mapping[str, Any]:
    """Nothing is sent beside what Plumb sends: no console, code, command line, list of packages."""
    return {
        "console": "off",
        "disable_code": True,
        "disable_git": True,
        "save_code": False,
        "silent": True,
        "x_disable_meta": True,
        "x_disable_stats": True,
        "x_disable_machine_info": True,
        "x_save_requirements": False,
        "init_timeout": INIT_SECONDS,
        "finish_timeout": wait,
        "finish_timeout_raises": True,
    }
