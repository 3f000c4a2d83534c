"""For every test: no deadlines of hypothesis, and what two processes of pytest-xdist need.

With `pytest -n 2 --dist loadfile --no-loadscope-reorder`, as `make test` runs them, each process
takes one file of tests after the other.
"""

import os
import signal

import pytest
from hypothesis import settings

settings.register_profile("plumb", deadline=None)  # a test shares its cores with Ray and vLLM
settings.load_profile("plumb")

SLOWEST = (
    "rl/test_weight_sync",
    "launch/test_train_survives",
    "rl/test_learner_ranks",
    "launch/test_train_nodes",
    "launch/test_train_faults",
    "launch/test_train_code",
    "launch/test_train_tools",
    "launch/test_train_killed",
    "launch/test_submit_cluster",
    "launch/test_ray_job",
    "launch/test_train_resume",
    "rl/test_learner_adapters",
    "launch/test_train_judge",
    "rl/test_plan_memory",
    "launch/test_train_adapters",
    "launch/test_train_watched",
    "launch/test_train_colocated",
    "launch/test_train_agent",
    "launch/test_readme_plugin",
    "launch/test_data_pipeline",
    "rl/test_engines",
    "rewards/test_judge_served",
    "rl/test_places",
    "rewards/test_judge_placing",
    "rewards/test_rewards_ray_pool",
)
"""The files that take longest; they begin first, so that both processes end at about one time."""

in_parallel = "PYTEST_XDIST_WORKER" in os.environ
if in_parallel:
    # These processes ignore SIGINT, and what a test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # As many as there are cores in each process would wait for each other.
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first."""

    def place(item: pytest.Item) -> int:
        file = item.path.as_posix().partition("/tests/")[2].removesuffix(".py")
        return SLOWEST.index(file) if file in SLOWEST else len(SLOWEST)

    if in_parallel:
        items.sort(key=place)
