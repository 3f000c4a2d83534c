"""A rank's state: noted between two steps, written beside training, loaded by any number of ranks.

DeepSpeed says what belongs to it and in which files (`state/`); beside them stands the random state
of each rank. Guarantees: what is written is of the instant at which it was noted; every file's
digest is known before the file is read again; a state that was loaded goes on exactly as the run
that wrote it, by as many ranks at the same ZeRO stage, and up to rounding by others.
"""

import errno
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final, Protocol, cast

import torch
import torch.distributed as dist
from deepspeed.runtime.checkpoint_engine.checkpoint_engine import CheckpointEngine

from rl.checkpoint_reading import BROKEN, damaged
from rl.errors import LearnerError
from rl.learn.host_copy import HostCopies
from rl.learn.shards import NAMES, Layout, layout_of
from rl.learn.universal import load_universal
from rl.manifest import FileRecord, Manifest, RecordedFile, check_digests
from rl.storage import writing

TAG: Final = "state"
"""DeepSpeed's folder in the learner's part of a checkpoint."""


class Kept(Protocol):
    """More that a rank keeps from step to step, such as a mean of its weights."""

    def files(self) -> Mapping[str, Any]:
        """What this rank writes, by the name of its file; may be nothing."""

    def load(self, folder: Path) -> None:
        """Go on from what all ranks wrote into a folder, whichever ranks those were."""


class LearnerState:
    """What a rank saves and loads.

    Args:
        engine: the policy's DeepSpeed engine.
        rank: which one this is.
        layout: ranks, ZeRO stage and type of the state.
        kept: more that is saved.
    """

    def __init__(
        self,
        engine: Any,
        *,
        rank: int,
        layout: Layout,
        kept: Sequence[Kept] = (),
    ) -> None:
        self._engine = engine
        self._rank = rank
        self._layout = layout
        self._kept = kept
        self._copies = HostCopies()
        self._noted: dict[str, Any] | None = None
        self._writing = False

    def snapshot(self, *, copy: bool) -> None:
        """Note the state of this instant; collective.

        Args:
            copy: let training go on; else nothing may change until `write` returns.
        """
        if self._writing:
            raise LearnerError("the state before is still being written: its room is not free")
        noted: dict[str, Any] = _random_states(self._rank)
        with TemporaryDirectory() as place:
            capture = _Capture(Path(place), noted)
            usual, self._engine.checkpoint_engine = self._engine.checkpoint_engine, capture
            try:
                self._engine.save_checkpoint(
                    place, tag=TAG, save_latest=False, exclude_frozen_parameters=self._has_frozen
                )
            finally:
                self._engine.checkpoint_engine = usual
        for one in self._kept:
            noted |= one.files()
        if self._rank == 0 and self._layout.zero_stage == 0:
            noted[NAMES] = _names(self._engine)
        self._noted = self._copies.take(noted) if copy else noted

    def write(self, folder: Path) -> Manifest:
        """Write what was noted below a folder that is there; the files.

        Raises:
            StorageError: They cannot be written.
        """
        noted, self._noted = self._noted, None
        if noted is None:
            raise LearnerError("there is no state to write: none was noted")
        self._writing = True
        try:
            with writing(folder):
                return {name: _write(folder / name, state) for name, state in noted.items()}
        finally:
            self._writing = False

    def load(self, folder: Path, manifest: Manifest) -> None:
        """Go on from what `write` wrote; collective.

        Args:
            folder: of the learner's part.
            manifest: its files, as far as they are known.

        Raises:
            CheckpointError: A file is not what was written.
            LearnerError: It cannot be loaded.
        """
        self._check(folder, manifest)
        with _own_settings(self._engine):
            if _is_native(layout_of(folder / TAG), self._layout):
                # Frozen weights are those of `model.path`, and are not in the file.
                loaded, _ = self._engine.load_checkpoint(
                    str(folder), tag=TAG, load_module_strict=not self._has_frozen
                )
                if loaded is None:
                    raise LearnerError(f"{folder} holds no state that DeepSpeed can load")
            else:
                load_universal(self._engine, folder / TAG, self._layout, rank=self._rank)
        for one in self._kept:
            one.load(folder)
        _set_random_states(folder, self._rank)

    @property
    def _has_frozen(self) -> bool:
        return any(not one.requires_grad for one in self._engine.module.parameters())

    def _check(self, folder: Path, manifest: Manifest) -> None:
        """Compare digests, each rank of its share of the files; all ranks raise, or none."""
        mine = sorted(manifest)[self._rank :: self._layout.ranks]
        fault = ""
        try:
            check_digests(folder, manifest, mine)
        except BROKEN as error:
            fault = str(error)
        faults: list[Any] = [None] * self._layout.ranks
        dist.all_gather_object(faults, fault)
        found = next((one for one in faults if one), "")
        if found:
            raise damaged(folder.parent, f"learner/{found}")


class _Capture(CheckpointEngine):  # type: ignore[misc]  # DeepSpeed has no types
    """Keeps what DeepSpeed hands it to save, by file.

    Args:
        place: the folder that DeepSpeed believes it writes to.
        kept: where it is kept.
    """

    def __init__(self, place: Path, kept: dict[str, Any]) -> None:
        super().__init__()
        self._place = place
        self._kept = kept

    def create(self, info: Any) -> None:
        """DeepSpeed begins to save."""

    def save(self, state_dict: Any, path: str) -> None:
        """Keep a file's content."""
        self._kept[Path(path).relative_to(self._place).as_posix()] = state_dict

    def load(self, path: str, map_location: Any = None) -> Any:
        """Nothing is loaded while it saves."""
        raise LearnerError(f"{path} was asked for while a state was noted")

    def commit(self, info: Any) -> bool:
        """DeepSpeed has handed over everything."""
        return True


def _is_native(saved: Layout, own: Layout) -> bool:
    """Whether DeepSpeed loads its files as they are; without ZeRO each rank has the whole state."""
    both_whole = saved.zero_stage == own.zero_stage == 0 and saved.dtype == own.dtype
    return both_whole or saved == own


def _names(engine: Any) -> list[str]:
    """The trained parameters in the order of an optimizer of whole tensors."""
    names = {parameter: name for name, parameter in engine.module.named_parameters()}
    optimizer = engine.optimizer
    groups = getattr(optimizer, "fp16_groups", None)
    if groups is None:
        groups = [group["params"] for group in optimizer.param_groups]
    return [names[parameter] for group in groups for parameter in group]


def _random_states(rank: int) -> dict[str, torch.Tensor]:
    """The state of each generator that a rank draws from, by the name of its file."""
    found = {f"rng_{rank}.pt": torch.get_rng_state()}
    if torch.cuda.is_available():
        found[f"rng_gpu_{rank}.pt"] = torch.cuda.get_rng_state()
    return found


def _set_random_states(folder: Path, rank: int) -> None:
    """Go on from them, as far as they were saved: not where the run has more ranks by now."""
    for name in _random_states(rank):
        if (folder / name).exists():
            state = torch.load(folder / name, weights_only=True)
            put = torch.cuda.set_rng_state if "gpu" in name else torch.set_rng_state
            put(state)


@contextmanager
def _own_settings(engine: Any) -> Iterator[None]:
    """Keep what this run's settings say of the optimizer; a state that is loaded has its own."""
    groups, scheduler = engine.optimizer.param_groups, engine.lr_scheduler
    settings = [{key: one[key] for key in one if key not in ("params", "step")} for one in groups]
    bases = list(getattr(scheduler, "base_lrs", ()))
    yield
    if hasattr(scheduler, "lr_lambdas"):  # where the rate follows from how far it has come
        scheduler.base_lrs = bases
        factors = [factor(scheduler.last_epoch) for factor in scheduler.lr_lambdas]
        rates = [base * factor for base, factor in zip(bases, factors, strict=True)]
        scheduler._last_lr = rates
        settings = [own | {"lr": rate} for own, rate in zip(settings, rates, strict=True)]
    for group, own in zip(engine.optimizer.param_groups, settings, strict=True):
        group.update(own)


def _write(path: Path, state: Any) -> FileRecord:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with RecordedFile(path) as file:
            torch.save(state, cast(IO[bytes], file))
    except RuntimeError as error:
        # torch reports a write that failed half-way without saying why.
        full = shutil.disk_usage(path.parent).free < 2**20
        number = errno.ENOSPC if full else errno.EIO
        raise OSError(number, str(error).splitlines()[0]) from error
    return file.record()
