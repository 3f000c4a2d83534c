"""A model's folder in Hugging Face format, tensor by tensor, so that none has to fit into memory.

Guarantees: a folder appears whole or not at all; what is not weights (configuration, tokenizer,
chat template) is that of the model it was made from.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from rl.errors import ModelError
from rl.storage import publish, write_atomically, writing

SHARD_BYTES: Final = 5 << 30
"""Of one file of weights."""
ORIGIN: Final = "origin.json"
"""What a model was made of."""
INDEX: Final = "model.safetensors.index.json"
WEIGHTS: Final = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf", "*.h5", "*.msgpack")
HALVES: Final = {"BF16": torch.bfloat16, "F16": torch.float16}
DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

Shapes = Mapping[str, tuple[int, ...]]
"""A model's tensors by the names that files have, with their shapes."""


class Weights(Protocol):
    """A model whose tensors can be read one by one."""

    @property
    def label(self) -> str:
        """What a person knows it by."""

    @property
    def base(self) -> Path:
        """A model's folder, for all that is not weights."""

    @property
    def dtype(self) -> torch.dtype:
        """The type that its weights are for."""

    @property
    def shapes(self) -> Shapes:
        """Its tensors."""

    @property
    def exact(self) -> Collection[str]:
        """Those of them that are kept as precise as they are, whatever type weights are given."""

    def tensor(self, name: str) -> Tensor:
        """One of them, as precise as it is there."""


class ModelFolder:
    """A model in safetensors files.

    Args:
        folder: with `config.json`.
    """

    def __init__(self, folder: Path) -> None:
        self.base = folder
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder} is no model: it has no config.json")
        self._files: dict[str, Path] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        types: dict[str, str] = {}
        for path in _weight_files(folder):
            with _opened(path) as file:
                for name in file.keys():  # noqa: SIM118  # the file is no mapping
                    self._files[name] = path
                    one = file.get_slice(name)
                    self.shapes[name] = tuple(one.get_shape())
                    types[name] = one.get_dtype()
        if other := set(types.values()) - {*HALVES, "F32", "F64"}:
            raise ModelError(
                f"{folder} has weights of the type {sorted(other)[0]}: those of whole or quantised "
                "numbers cannot be averaged"
            )
        numbers: Counter[str] = Counter()
        for name, kind in types.items():
            numbers[kind] += torch.Size(self.shapes[name]).numel()
        most = numbers.most_common(1)[0][0] if numbers else "F32"
        self.dtype = HALVES.get(most, torch.float32)
        self.exact = frozenset(
            name for name, kind in types.items() if most in HALVES and kind not in HALVES
        )

    @property
    def label(self) -> str:
        """Its folder."""
        return str(self.base)

    def tensor(self, name: str) -> Tensor:
        """A tensor in float32, or as it is stored where that is more."""
        with _opened(self._files[name]) as file:
            tensor: Tensor = file.get_tensor(name)
        return tensor if tensor.dtype == torch.float64 else tensor.float()


def _weight_files(folder: Path) -> list[Path]:
    """The files of weights that transformers would read: others beside them hold the same again."""
    if (whole := folder / "model.safetensors").is_file():
        return [whole]
    if (index := folder / INDEX).is_file():
        try:
            places: Mapping[str, str] = json.loads(index.read_text("utf-8"))["weight_map"]
            return sorted({folder / name for name in places.values()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{index} is damaged: it names no files of weights") from error
    if found := sorted(folder.glob("*.safetensors")):
        return found
    raise ModelError(f"{folder} has no weights in safetensors: save the model with save_pretrained")


def write_model(
    target: Path,
    shapes: Shapes,
    tensor: Callable[[str], Tensor],
    *,
    base: Path,
    dtype: torch.dtype,
    origin: Mapping[str, Any],
    exact: Collection[str] = (),
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write a model.

    Args:
        target: its folder, which may not be there.
        shapes: its tensors.
        tensor: gives one of them, by name.
        base: a model's folder, of which everything but the weights is taken.
        dtype: of the weights in the files.
        origin: what it was made of, as JSON values.
        exact: tensors that keep the type in which they are given.
        shard_bytes: size of a file of weights; one tensor may be larger.

    Raises:
        StorageError: It cannot be written; nothing is left of it then.
    """
    temporary = target.with_name(f".{target.name}.tmp")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            shutil.copytree(base, temporary, ignore=_no_weights)

            def typed(name: str) -> Tensor:
                return tensor(name) if name in exact else tensor(name).to(dtype)

            _write_weights(temporary, shapes, typed, dtype.itemsize, shard_bytes)
            _say_dtype(temporary / "config.json", dtype)
            write_atomically(temporary / ORIGIN, json.dumps(origin, indent=1) + "\n")
            publish(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _write_weights(
    folder: Path,
    shapes: Shapes,
    tensor: Callable[[str], Tensor],
    itemsize: int,
    shard_bytes: int,
) -> None:
    shards = list(_shards(shapes, itemsize, shard_bytes))
    places: dict[str, str] = {}
    total = 0
    for number, names in enumerate(shards, start=1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        file = file if len(shards) > 1 else "model.safetensors"
        held = {name: tensor(name).contiguous().clone() for name in names}
        total += sum(one.nbytes for one in held.values())
        save_file(held, folder / file, metadata={"format": "pt"})
        places |= dict.fromkeys(names, file)
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": places}
        write_atomically(folder / INDEX, json.dumps(index, indent=1) + "\n")


def _shards(shapes: Shapes, itemsize: int, shard_bytes: int) -> Iterator[list[str]]:
    """Names of the tensors of each file."""
    names: list[str] = []
    held = 0
    for name, shape in shapes.items():
        nbytes = torch.Size(shape).numel() * itemsize
        if names and held + nbytes > shard_bytes:
            yield names
            names, held = [], 0
        names.append(name)
        held += nbytes
    yield names


def _say_dtype(path: Path, dtype: torch.dtype) -> None:
    config = json.loads(path.read_text("utf-8"))
    config.pop("torch_dtype", None)  # as transformers before 5 named it
    config["dtype"] = str(dtype).removeprefix("torch.")
    write_atomically(path, json.dumps(config, indent=2) + "\n")


def _no_weights(folder: str, names: list[str]) -> set[str]:
    patterns = (*WEIGHTS, "*.index.json", ORIGIN, ".*")
    found = set(shutil.ignore_patterns(*patterns)(folder, names))
    return found | {name for name in names if (Path(folder) / name).is_dir()}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    except Exception as error:
        if type(error).__module__.startswith("safetensors"):
            raise ModelError(f"{path} is damaged: {error}") from error
        raise
