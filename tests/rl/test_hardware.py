"""What engines and learner ranks are told of the machine."""

import pytest

from rl.hardware import Hardware


@pytest.mark.parametrize(
    ("cores", "nodes", "processes", "threads"),
    [
        (8, 1, 1, 8),
        (8, 1, 2, 4),
        (8, 1, 3, 2),
        (2, 1, 4, 1),  # never none
        (8, 2, 2, 8),  # one a node
        (8, 4, 2, 8),  # no more than a node has
        (8, 2, 4, 4),
    ],
)
def test_processes_on_a_cpu_host_share_its_cores(
    cores: int, nodes: int, processes: int, threads: int
) -> None:
    hardware = Hardware("cpu", cores, nodes)
    for env in (hardware.engine_env(1, processes), hardware.learner_env(processes)):
        assert env["OMP_NUM_THREADS"] == str(threads)


def test_a_gpu_host_s_threads_are_left_alone() -> None:
    hardware = Hardware("cuda", 64)
    assert "OMP_NUM_THREADS" not in hardware.engine_env(1, 8) | hardware.learner_env(8)
