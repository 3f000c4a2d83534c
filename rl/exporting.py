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


def _mean(folder: Path) -> Path:
    """Where the mean of its weights goes, if the learner keeps one."""
    return folder.with_name(f"{folder.name}_ema")
