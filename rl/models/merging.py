"""Averages of models, tensor by tensor in float32; how much each one weighs is a scheme.

`average` of the last checkpoints is section 3.4 of the TeleChat2.5/T1 report, and that of models
trained apart section 4.2.3. The four schemes with an anchor are those of EngGPT2 (section 7.2): a
reference, its SFT model, and later checkpoints of its training. That report gives no numbers: the
shares here are this module's, and can be set.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from rl.errors import ConfigError, ModelError
from rl.models.files import Shapes, Weights, write_model

SHARES: Final = {"uniform-low": 0.2, "uniform-high": 0.6, "increasing": 0.5, "decreasing": 0.5}
"""Of all models but the first, together."""
GIVEN: Final = ("weighted", "linear")
SCHEMES: Final = ("average", "ema", *GIVEN, *SHARES)
"""Every scheme by its name."""


def weights_of(
    scheme: str,
    count: int,
    *,
    given: Sequence[float] | None = None,
    decay: float | None = None,
    share: float | None = None,
) -> list[float]:
    """How much each model weighs, in the order in which they are named.

    Args:
        scheme: `average`: all the same. `ema`: the running mean e <- decay e + (1 - decay) x over
            the models, which begins with the first. `weighted`: as `given`, divided by their sum.
            `linear`: as `given`, whatever their sum, such as 1, 1, -1. The others keep 1 - `share`
            for the first and divide `share` among the rest: alike (`uniform-low`, `uniform-high`),
            or as 1, 2, 3 ... (`increasing`) or the reverse (`decreasing`).
        count: models.
        given: a number for each of them.
        decay: of `ema`; none: a half.
        share: of all but the first; none: as `SHARES` has it.

    Raises:
        ConfigError: They do not go together.
    """
    if count < 2:
        raise ConfigError(f"there is {count} model to merge: name two or more")
    if (given is not None) != (scheme in GIVEN):
        asked = "needs" if scheme in GIVEN else "takes no"
        raise ConfigError(f"the scheme {scheme} {asked} weights; {', '.join(GIVEN)} take them")
    if decay is not None and scheme != "ema":
        raise ConfigError(f"the scheme {scheme} has no decay; ema has one")
    if share is not None and scheme not in SHARES:
        raise ConfigError(f"the scheme {scheme} has no share; {', '.join(SHARES)} have one")
    if scheme == "average":
        return [1 / count] * count
    if scheme == "ema":
        return _ema(count, 0.5 if decay is None else decay)
    if scheme in GIVEN:
        return _given(scheme, count, given or ())
    if scheme not in SHARES:
        raise ConfigError(f"there is no scheme {scheme!r}: name one of {', '.join(SCHEMES)}")
    rest = SHARES[scheme] if share is None else share
    if not 0 < rest < 1:
        raise ConfigError(f"share={rest:g} is no share: give a number between 0 and 1")
    parts = [1.0] * (count - 1)
    if scheme in ("increasing", "decreasing"):
        parts = [float(place) for place in range(1, count)]
    if scheme == "decreasing":
        parts.reverse()
    return [1 - rest, *(rest * part / sum(parts) for part in parts)]


def merge(
    models: Sequence[Weights],
    weights: Sequence[float],
    target: Path,
    *,
    dtype: torch.dtype,
    origin: Mapping[str, Any],
    tell: Callable[[str], None] = lambda name: None,
) -> None:
    """Write the sum of models, each times its weight; everything but weights is the first's.

    Args:
        models: of one shape.
        weights: one a model.
        target: a folder that is not there.
        dtype: of the weights in its files.
        origin: what is written of where it comes from.
        tell: called with the name of each tensor that is done.

    Raises:
        ModelError: They have other tensors.
    """
    shapes = _shapes(models)

    def summed(name: str) -> Tensor:
        total: Tensor | None = None
        for model, weight in zip(models, weights, strict=True):
            part = model.tensor(name) * weight
            total = part if total is None else total.add_(part)
        assert total is not None
        tell(name)
        return total

    write_model(
        target,
        shapes,
        summed,
        base=models[0].base,
        dtype=dtype,
        origin=origin,
        exact=models[0].exact,
    )


def _ema(count: int, decay: float) -> list[float]:
    if not 0 < decay < 1:
        raise ConfigError(f"decay={decay:g} is no decay: give a number between 0 and 1")
    later = [(1 - decay) * decay ** (count - 1 - place) for place in range(1, count)]
    return [decay ** (count - 1), *later]


def _given(scheme: str, count: int, given: Sequence[float]) -> list[float]:
    if len(given) != count:
        raise ConfigError(f"there are {len(given)} weights for {count} models: give one for each")
    if not all(map(math.isfinite, given)):
        raise ConfigError("weights are finite numbers: with another one a model holds no numbers")
    if scheme == "linear":
        return list(given)
    if min(given) < 0 or sum(given) <= 0:
        raise ConfigError(
            "weights that are divided by their sum are 0 or more: linear takes others"
        )
    return [weight / sum(given) for weight in given]


def _shapes(models: Sequence[Weights]) -> Shapes:
    first, *others = models
    for other in others:
        for name in sorted(first.shapes.keys() | other.shapes.keys()):
            one, two = first.shapes.get(name), other.shapes.get(name)
            if one != two:
                raise ModelError(
                    f"{first.label} and {other.label} are no models of one shape: {name} is "
                    f"{_shape(one)} in the one, {_shape(two)} in the other"
                )
    return first.shapes


def _shape(shape: tuple[int, ...] | None) -> str:
    return "not there" if shape is None else " x ".join(map(str, shape))
