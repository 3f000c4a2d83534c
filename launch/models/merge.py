"""`plumb merge`: one model out of several, with what evaluations said of each beside its weight.

Guarantees: no GPU and no cluster is needed, and memory holds one file of weights at a time; the
model's folder appears whole or not at all, and says what it was made of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from launch.models.export import check_bases, check_target, replacing
from launch.train.quiet import without_announcements
from rl.errors import ConfigError
from rl.models.finding import Candidate, candidates

if TYPE_CHECKING:
    from rl.models.files import Weights


@dataclass(frozen=True, slots=True)
class Recipe:
    """How models are averaged: the arguments of `rl.models.merging.weights_of`."""

    scheme: str
    given: Sequence[float] | None
    decay: float | None
    share: float | None


def merge(
    target: Path,
    sources: Sequence[Path],
    recipe: Recipe,
    *,
    last: int,
    dtype: str,
    overwrite: bool,
    say: Callable[[str], None],
) -> None:
    """Write the model, and print what it was made of.

    Args:
        target: the model's folder.
        sources: models, checkpoints and runs.
        recipe: how they are averaged.
        last: how many of a run.
        dtype: of the weights; `auto`: that of the first.
        overwrite: whether a model at `target` may be replaced.
        say: prints a line.
    """
    check_target(target, overwrite=overwrite)
    found = candidates(sources, last=last)
    if any(one.folder.resolve().is_relative_to(target.resolve()) for one in found):
        raise ConfigError(f"{target} is one of the models, or holds one: name another folder")
    without_announcements()
    from rl.models.files import DTYPES
    from rl.models.merging import merge as write_merged
    from rl.models.merging import weights_of

    weights = weights_of(
        recipe.scheme, len(found), given=recipe.given, decay=recipe.decay, share=recipe.share
    )
    models = [opened(one) for one in found]
    check_bases(target, models)
    kind = models[0].dtype if dtype == "auto" else DTYPES[dtype]
    origin = {
        "kind": "merge",
        "scheme": recipe.scheme,
        "evaluations": {},
        "models": [
            {
                "folder": str(one.folder.resolve()),
                "step": one.step,
                "weight": weight,
                "evaluations": dict(one.evaluations),
            }
            for one, weight in zip(found, weights, strict=True)
        ],
    }
    with replacing(target):
        write_merged(models, weights, target, dtype=kind, origin=origin)
    Console(soft_wrap=True, highlight=False).print(table(found, weights))
    total = sum(weights)
    note = "" if abs(total - 1) < 1e-9 else f"; the weights add up to {total:g}"
    say(f"{target}: {recipe.scheme} of {len(found)} models, in {str(kind).split('.')[-1]}{note}")


def opened(found: Candidate) -> "Weights":
    """The weights of a candidate."""
    if found.is_checkpoint:
        from rl.models.trained import Trained

        return Trained(found.folder)
    from rl.models.files import ModelFolder

    return ModelFolder(found.folder)


def table(found: Sequence[Candidate], weights: Sequence[float]) -> Table:
    """Every model with its weight and its evaluations."""
    sets = sorted({name for one in found for name in one.evaluations})
    shown = Table("model", "step", "weight", *sets)
    for one, weight in zip(found, weights, strict=True):
        numbers = [
            f"{one.evaluations[name]:.1%}" if name in one.evaluations else "" for name in sets
        ]
        step = "" if one.step is None else str(one.step)
        shown.add_row(str(one.folder), step, f"{weight:.4g}", *numbers)
    return shown
