"""What a box is made of, whichever backend makes it."""

import os
from typing import Final

from pydantic import Field

from sandbox.types import Model

SLOTS_A_CORE_SPARE: Final = 1
AGENT_PACKAGE: Final = "agent"
AGENT_HOME: Final = "/opt/plumb"


def default_slots() -> int:
    """One run a core, and one more that is being set up or read."""
    return len(os.sched_getaffinity(0)) + SLOTS_A_CORE_SPARE


class BoxSettings(Model):
    """Size and kind of the boxes of a sandbox."""

    boxes: int = Field(default=1, ge=1, le=64)
    """Containers that wait for programs."""
    slots: int = Field(default_factory=default_slots, ge=1, le=256)
    """Runs at a time in each; by default one a core and one more."""
    store_mb: int = Field(default=256, ge=8)
    """Compiled programs that a box keeps, MiB."""
    memory_mb: int | None = Field(default=None, ge=256)
    """Memory of a box, MiB; none: 1 GiB a slot and 2 GiB more."""
    cpus: float | None = Field(default=None, gt=0)
    """Cores of a box; none: all."""
    image: str | None = None
    """Docker image; none: the one that `plumb sandbox build` makes."""
    runtime: str | None = None
    """Docker runtime, such as `runsc` (gVisor); none: the daemon's own."""
    rootfs: str | None = None
    """bubblewrap: a folder with the image's root file system; none: this machine's interpreters."""

    @property
    def box_memory_mb(self) -> int:
        """Memory of a box, MiB."""
        return self.memory_mb or 1024 * self.slots + 2048

    @property
    def store_room_mb(self) -> int:
        """Size of the folder for what was built, MiB: what is kept, and a draft for each slot."""
        return self.store_mb + 40 * (self.slots + 1)

    @property
    def processes(self) -> int:
        """Processes of a box: what the runs may have, and its own."""
        return 1100 * self.slots + 256

    def command(self, python: str) -> list[str]:
        """How a box's first process is started."""
        module = f"{AGENT_PACKAGE}.supervisor"
        return [python, "-P", "-s", "-m", module, str(self.slots), str(self.store_mb)]
