"""Memory that the learner shares with engines outlives the learner, and costs them nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rl.weights.host_buffer import Shared, mapped, share

SHARES = """
import sys
from rl.weights.host_buffer import share

buffer, shared = share(1 << 20)
buffer[:] = 7
print(*shared, flush=True)
sys.stdin.readline()
buffer[5] = 9
print("written", flush=True)
sys.stdin.readline()
"""


def test_it_is_seen_as_it_is_written_and_stays_when_its_owner_is_killed() -> None:
    """Torch's own sharing aborts a process that lets go after the manager was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", SHARES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdin is not None and owner.stdout is not None
        path, name, size = owner.stdout.readline().split()
        shared = Shared(path, name, int(size))
        buffer = mapped(shared)
        part = buffer[4:8].view(torch.int32)
        assert buffer.sum() == 7 << 20
        owner.stdin.write("\n")
        owner.stdin.flush()
        assert owner.stdout.readline() == "written\n"
        assert buffer[5] == 9
        owner.kill()
        owner.wait()
        assert buffer[5] == 9
        del buffer
        assert part.view(torch.uint8).tolist() == [7, 9, 7, 7]
        with pytest.raises(OSError):
            mapped(shared)


def test_both_ends_write() -> None:
    ours, shared = share(16)
    theirs = mapped(shared)
    theirs[3] = 5
    assert ours.tolist() == [0, 0, 0, 5] + [0] * 12


@pytest.mark.parametrize("other", ["file", "pipe", "other memory", "nothing"])
def test_what_has_its_number_elsewhere_is_never_mapped(other: str, tmp_path: Path) -> None:
    """A process number comes again, and another host has other processes under the same ones."""
    ours, shared = share(64)
    ours[:] = 7
    plain = tmp_path / "plain"
    plain.write_bytes(bytes(64))
    os.mkfifo(tmp_path / "pipe")
    path = {
        "file": str(plain),
        "pipe": str(tmp_path / "pipe"),  # which would be waited for
        "other memory": share(64)[1].path,
        "nothing": f"/proc/{os.getpid()}/fd/99999",
    }[other]
    with pytest.raises(OSError, match="not the memory that a learner rank shares"):
        mapped(shared._replace(path=path))
    assert plain.read_bytes() == bytes(64)
