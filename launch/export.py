"""`plumb export`: the policy of a checkpoint as a model in Hugging Face format.

Guarantees: no GPU and no cluster is needed; the model's folder appears whole or not at all.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from launch.quiet import without_announcements
from rl.errors import ConfigError
from rl.models.finding import checkpoint_of
from rl.storage import writing


def export(
    source: Path,
    target: Path,
    *,
    step: int | None,
    best_by: str | None,
    dtype: str,
    overwrite: bool,
    say: Callable[[str], None],
) -> None:
    """Write the model.

    Args:
        source: a checkpoint's folder, or a run's.
        target: the model's folder.
        step: which checkpoint of a run.
        best_by: an evaluation set by which the best one is meant.
        dtype: of the weights; `auto`: the type that engines had.
        overwrite: whether a model at `target` may be replaced.
        say: prints a line.
    """
    check_target(target, overwrite=overwrite)
    found = checkpoint_of(source, step=step, best_by=best_by)
    without_announcements()
    from rl.models.files import DTYPES, write_model
    from rl.models.trained import Trained

    model = Trained(found.folder)
    kind = model.dtype if dtype == "auto" else DTYPES[dtype]
    clear(target)
    write_model(
        target,
        model.shapes,
        model.tensor,
        base=model.base,
        dtype=kind,
        origin={
            "kind": "export",
            "checkpoint": str(found.folder.resolve()),
            "step": found.step,
            "evaluations": dict(found.evaluations),
        },
    )
    numbers = ", ".join(f"{name} {value:.1%}" for name, value in found.evaluations.items())
    measured = f" ({numbers})" if numbers else ""
    say(f"{target}: the policy after step {found.step}{measured}, in {str(kind).split('.')[-1]}")


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds something.

    Raises:
        ConfigError: It does, and may not be replaced, or is no model.
    """
    if not target.exists() or not any(target.iterdir() if target.is_dir() else [target]):
        return
    if not overwrite:
        raise ConfigError(f"{target} is there already: add --overwrite, or name another folder")
    if not (target / "config.json").is_file():
        raise ConfigError(f"{target} is no model's folder: it is not replaced; name another")


def clear(target: Path) -> None:
    """Take away what is replaced, if there is something."""
    if target.exists():
        with writing(target):
            shutil.rmtree(target)
