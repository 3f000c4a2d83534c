"""The files of a mean of weights in a checkpoint's learner folder, read whole or part by part.

`ema_0.pt` and so on, one a writer: of each parameter the writer's part, flat, float32 and padded,
with the parameter's whole shape and the number of writers. Nothing here needs DeepSpeed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rl.errors import CheckpointError

State = Mapping[str, Any]
"""A writer's file: `writers`, `shapes` and `values` by the parameter's name in the learner."""


def file_name(writer: int) -> str:
    """What a writer's file is called."""
    return f"ema_{writer}.pt"


class SavedMeans:
    """The means in a folder, whole, float32, by the parameter's name in the learner.

    Args:
        folder: the learner's part of a checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[State] = []
        if (folder / file_name(0)).exists():
            self._files.append(_read(folder / file_name(0)))
            for writer in range(1, self._files[0]["writers"]):
                self._files.append(_read(folder / file_name(writer)))

    def __bool__(self) -> bool:
        return bool(self._files)

    def __getitem__(self, name: str) -> Tensor:
        """A parameter's mean.

        Raises:
            CheckpointError: There is none of it.
        """
        shape = self._files[0]["shapes"].get(name)
        if shape is None:
            raise CheckpointError(
                f"{self._folder} holds a mean of weights, but none of {name}: it is of another "
                "model, or of other adapters"
            )
        flat = torch.cat([file["values"][name].flatten() for file in self._files])
        return flat[: torch.Size(shape).numel()].view(tuple(shape))

    def __iter__(self) -> Iterator[str]:
        return iter(self._files[0]["shapes"] if self._files else ())


def _read(path: Path) -> State:
    found: State = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    return found
