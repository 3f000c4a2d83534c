"""The policy as a model in Hugging Face format, out of the learner as it is now."""

import asyncio
import shutil
from pathlib import Path
from typing import Protocol

from rl.storage import publish, writing


class Exporting(Protocol):
    """Whose policy is written: `rl.learn.group.LearnerGroup`."""

    async def export(self, folder: Path) -> None:
        """Write it into a folder."""


async def export_model(learner: Exporting, folder: Path) -> None:
    """Write the policy; its folder appears whole, in place of one that is there.

    Raises:
        StorageError: It cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    with writing(folder):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    try:
        await learner.export(temporary)
        for made in (temporary, _mean(temporary)):
            if made.exists():
                target = folder if made is temporary else _mean(folder)
                await asyncio.to_thread(publish, made, target)
    finally:
        for made in (temporary, _mean(temporary)):
            shutil.rmtree(made, ignore_errors=True)


def model_folder(run_dir: Path, step: int) -> Path:
    """Where the model of a step on the way goes."""
    return run_dir / "models" / f"step_{step:06d}"


def forget_models(run_dir: Path, *, after: int) -> None:
    """Delete models on the way whose steps a run has given up: those after this one.

    Raises:
        StorageError: One of them cannot be deleted.
    """
    for folder in (run_dir / "models").glob("step_*"):
        step = folder.name.removeprefix("step_").removesuffix("_ema")
        if step.isdecimal() and int(step) > after:
            with writing(folder):
                # First the name: a kill must not leave half a model under it.
                gone = folder.rename(folder.with_name(f".{folder.name}.old"))
                shutil.rmtree(gone)


def _mean(folder: Path) -> Path:
    """Where the mean of its weights goes, if the learner keeps one."""
    return folder.with_name(f"{folder.name}_ema")
