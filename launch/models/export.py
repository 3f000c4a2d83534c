"""`plumb export`: the policy of a checkpoint as a model, or as adapters, in files that others read.

Guarantees: no GPU and no cluster is needed; the model's folder appears whole or not at all.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launch.train.quiet import without_announcements
from rl.errors import ConfigError
from rl.models.finding import checkpoint_of
from rl.storage import writing

if TYPE_CHECKING:
    from rl.models.files import Weights


def export(
    source: Path,
    target: Path,
    *,
    step: int | None,
    best_by: str | None,
    dtype: str,
    overwrite: bool,
    say: Callable[[str], None],
    adapter: bool = False,
    mean: bool = False,
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
        adapter: write adapters alone, as peft does, not the model with them.
        mean: of the running mean of the weights, `learner.ema`, not of the newest.
    """
    check_target(target, overwrite=overwrite)
    found = checkpoint_of(source, step=step, best_by=best_by)
    without_announcements()
    import torch

    from rl.models.adapters import check_adapters, write_adapters
    from rl.models.files import DTYPES, write_model
    from rl.models.trained import Trained

    model = Trained(found.folder, mean=mean)
    check_bases(target, [model])
    kind = model.dtype if dtype == "auto" else DTYPES[dtype]
    # What an evaluation said is of the policy, not of a mean.
    evaluations = {} if mean else dict(found.evaluations)
    origin = {
        "kind": "export",
        "checkpoint": str(found.folder.resolve()),
        "step": found.step,
        "mean": mean,
        "evaluations": evaluations,
    }
    said: dict[str, Any] = {"dtype": kind, "origin": origin}
    if adapter:
        said["dtype"] = kind = torch.float32 if dtype == "auto" else kind
        check_adapters(model)
    else:
        said |= {"base": model.base, "exact": model.exact}
    with replacing(target):
        if adapter:
            write_adapters(target, model, **said)
        else:
            write_model(target, model.shapes, model.tensor, **said)
    what = _named(adapter=adapter, mean=mean) + f" after step {found.step}"
    say(f"{target}: {what}{_measured(evaluations)}, in {str(kind).split('.')[-1]}")


def _named(*, adapter: bool, mean: bool) -> str:
    """What is written, in words."""
    whole = "the mean of the weights" if mean else "the policy"
    return f"adapters of {whole}" if adapter else whole


def _measured(evaluations: Mapping[str, float]) -> str:
    """What evaluations said, in words."""
    numbers = ", ".join(f"{name} {value:.1%}" for name, value in evaluations.items())
    return f" ({numbers})" if numbers else ""


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds something.

    Raises:
        ConfigError: It does, and may not be replaced, or is no model; or it has no name.
    """
    if target.name in {"", ".."}:
        raise ConfigError(f"{target} has no name to be replaced by: give the folder's own")
    if not target.exists() or not any(target.iterdir() if target.is_dir() else [target]):
        return
    if not overwrite:
        raise ConfigError(f"{target} is there already: add --overwrite, or name another folder")
    if not any((target / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise ConfigError(f"{target} is no model's folder: it is not replaced; name another")


def check_bases(target: Path, models: "Sequence[Weights]") -> None:
    """Refuse to replace what a model takes its configuration or weights from.

    Raises:
        ConfigError: It would be gone before it is read.
    """
    for model in models:
        if model.base.resolve().is_relative_to(target.resolve()):
            raise ConfigError(
                f"{target} is, or holds, the model that {model.label} began with: name another "
                "folder"
            )


@contextmanager
def replacing(target: Path) -> Iterator[None]:
    """Put what is there aside for something new, and back where that fails."""
    if not target.exists():
        yield
        return
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    with writing(target):
        target.rename(old)
    try:
        yield
    except BaseException:
        old.rename(target)
        raise
    old.unlink() if old.is_symlink() else shutil.rmtree(old)
