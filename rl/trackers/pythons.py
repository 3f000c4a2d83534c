"""Which Python has the package of each tracker: Plumb's own, or one beside it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from rl.config import TrackersConfig
from rl.errors import ConfigError

PACKAGES: Final[Mapping[str, str]] = {
    "wandb": "wandb",
    "mlflow": "mlflow-skinny",
    "trackio": "trackio",
}
"""By the tracker, whose module is called like it: what installs it."""
VARIABLES: Final[Mapping[str, str]] = {
    "wandb": "WANDB_API_KEY",
    "mlflow": "MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD",
    "trackio": "HF_TOKEN",
}
"""What their services ask of a machine's environment, by name."""
BESIDE: Final = Path(__file__).parents[2] / "build" / "trackers" / "bin" / "python"
"""Where `make trackers` puts one."""
NOT_FROM_HERE: Final = "import sys; sys.path[:] = [one for one in sys.path if one]; "
"""Nothing is taken from the folder that one happens to be in."""
# A mere folder has no origin: W&B's package leaves one that is called like it.
_FIND: Final = NOT_FROM_HERE + (
    "from importlib.util import find_spec; "
    "print(*[name for name in sys.argv[1:] if (found := find_spec(name)) and found.origin])"
)


def named(trackers: TrackersConfig) -> list[str]:
    """The trackers that are asked for."""
    return [name for name in PACKAGES if getattr(trackers, name) is not None]


def pythons_of(trackers: TrackersConfig) -> dict[str, Path]:
    """By tracker, the Python that its process runs under.

    Raises:
        ConfigError: none has its package, or a setting is missing.
    """
    wanted = named(trackers)
    if trackers.mlflow and not (trackers.mlflow.uri or os.environ.get("MLFLOW_TRACKING_URI")):
        raise ConfigError(
            "trackers.mlflow: which server? Set trackers.mlflow.uri, such as http://host:5000, or "
            "MLFLOW_TRACKING_URI"
        )
    found: dict[str, Path] = {}
    for python in _candidates(trackers) if wanted else ():
        left = [name for name in wanted if name not in found]
        if left:
            found |= dict.fromkeys(_has(python, left), python)
    for name in wanted:
        if name not in found:
            where = trackers.python or sys.executable
            raise ConfigError(
                f"trackers.{name}: {where} has no package {PACKAGES[name]}: `make trackers` "
                f"installs it beside Plumb; or name a Python that has it in trackers.python, or "
                f"leave trackers.{name} out"
            )
    return found


def _candidates(trackers: TrackersConfig) -> Iterator[Path]:
    if trackers.python is not None:
        yield trackers.python
        return
    yield Path(sys.executable)
    if BESIDE.exists():
        yield BESIDE


def _has(python: Path, names: list[str]) -> list[str]:
    """Those of some modules that a Python has."""
    try:
        done = subprocess.run(
            [python, "-c", _FIND, *names], capture_output=True, text=True, timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"trackers.python={python} cannot be started: {error}") from error
    return done.stdout.split()
