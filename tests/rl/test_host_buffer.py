"""Memory that the learner shares with engines outlives the learner, and costs them nothing."""

import subprocess
import sys

import pytest
import torch

from rl.weights.host_buffer import mapped, share

SHARES = """
import sys
from rl.weights.host_buffer import share

buffer, path = share(1 << 20)
buffer[:] = 7
print(path, flush=True)
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
        path = owner.stdout.readline().strip()
        buffer = mapped(path, 1 << 20)
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
            mapped(path, 1 << 20)


def test_both_ends_write() -> None:
    ours, path = share(16)
    theirs = mapped(path, 16)
    theirs[3] = 5
    assert ours.tolist() == [0, 0, 0, 5] + [0] * 12
