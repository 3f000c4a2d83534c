"""`plumb track`: sends trackers what they were not sent while the run went on."""

import fcntl
from collections.abc import Callable, Sequence
from pathlib import Path

from launch.train.status import UNDER_WAY, status_of
from rl.config import RunConfig
from rl.config_file import load_config
from rl.errors import ConfigError
from rl.status import read_status
from rl.trackers.ledger import FOLDER, Ledger
from rl.trackers.pythons import named, pythons_of
from rl.trackers.tracking import Tracking


def track(
    run_dir: Path,
    overrides: Sequence[str],
    *,
    anew: bool,
    wait: float,
    say: Callable[[str], None],
) -> bool:
    """Send the rest; whether nothing is left.

    Args:
        run_dir: the run's folder.
        overrides: settings that replace the run's own, `trackers.*` among them.
        anew: forget what was sent: everything goes into a run of its own.
        wait: seconds that it may take.
        say: prints a line.

    Raises:
        ConfigError: there is no run, no tracker is named, or the run goes on.
    """
    config = _config(run_dir, overrides, wait)
    names = named(config.trackers)
    if not names:
        raise ConfigError(
            f"{run_dir}/config.yaml names no tracker: name one, such as "
            "trackers.wandb.project=plumb or trackers.mlflow.uri=http://host:5000"
        )
    for name in names:
        _refuse_two(run_dir, name)
    state = status_of(run_dir).state if read_status(run_dir) else ""
    if state in UNDER_WAY:  # it would be shown as one that has failed
        raise ConfigError(
            f"{run_dir}: the run goes on without {', '.join(names)}: send it when it has ended; "
            f"until then, plumb view {run_dir} shows it"
        )
    pythons_of(config.trackers)  # nothing is forgotten before everything is there
    for name in names if anew else ():
        (run_dir / FOLDER / f"{name}.json").unlink(missing_ok=True)
    tracking = Tracking(config, say)
    is_done = tracking.end("finished" if state == "finished" else "failed")
    sent = [name for name in names if is_done and not Ledger(run_dir, name).later]
    if sent:  # of the others it is said what keeps it
        say(f"{', '.join(sent)}: everything is sent")
    return is_done


def _config(run_dir: Path, overrides: Sequence[str], wait: float) -> RunConfig:
    written = run_dir / "config.yaml"
    if not written.exists():
        raise ConfigError(f"{run_dir} holds no run: it has no config.yaml")
    config = load_config(written, overrides)
    trackers = config.trackers.model_copy(update={"wait": wait})
    return config.model_copy(update={"run_dir": run_dir, "trackers": trackers})


def _refuse_two(run_dir: Path, name: str) -> None:
    """A run that goes on sends by itself."""
    path = run_dir / FOLDER / f"{name}.lock"
    if not path.exists():
        return
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"{run_dir}: the run goes on, and sends to {name} by itself"
            ) from error
