"""Where a judge's server runs, and that it ends: as a child, and as an actor that graders share.

What is placed here is a stand-in for vLLM's server, which starts in no time.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from rewards import InfrastructureError, PoolError
from rewards.judge import Judge, JudgeSettings, ServeSettings
from rewards.judge.placing import ServedJudge
from rewards.judge.server import JudgeServer
from tests.judge_server import make_stand_in
from tests.ray_start import start_ray

PROCESSES = 4  # the keeper and its own, the server, and the engine that this one starts


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    root = tmp_path_factory.mktemp("stand-in")
    make_stand_in(root)
    with pytest.MonkeyPatch.context() as patch:
        path = os.pathsep.join([str(root), str(Path(__file__).parents[2])])
        patch.setenv("PYTHONPATH", path)
        yield


@pytest.fixture
def serve(tmp_path: Path, stand_in: None) -> Callable[..., ServeSettings]:
    def settings(**options: Any) -> ServeSettings:
        return ServeSettings(model="m", log=tmp_path / "server.log", start_deadline=240, **options)

    return settings


def servers(log: Path) -> list[psutil.Process]:
    """Processes that write to `log`, keepers and engines included."""
    found = []
    for process in psutil.process_iter():
        try:
            target = Path(f"/proc/{process.pid}/fd/1").readlink()
            if target == log and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found


async def until(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.1)


async def test_a_child_serves_is_restarted_and_ends(
    serve: Callable[..., ServeSettings], tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    async with Judge(JudgeSettings(serve=serve(restarts=1), patience=240)) as judge:
        assert (await judge.grade((), "x")).score == 6
        assert len(servers(log)) == PROCESSES and "listening 1" in log.read_text()
        for wanted in ("restarted", "given up"):
            for process in servers(log):
                with suppress(psutil.Error):  # it ends with the one that was killed
                    if "vllm.entrypoints.openai.api_server" in process.cmdline()[:3]:
                        process.kill()
            if wanted == "restarted":
                assert (await judge.grade((), "y")).score == 6
        with pytest.raises(InfrastructureError, match="restarted 1 times and given up: it ended"):
            for number in range(100):
                await judge.grade((), f"{number}")
                await asyncio.sleep(0.2)
    assert servers(log) == []


async def test_one_that_cannot_start_says_why(serve: Callable[..., ServeSettings]) -> None:
    said = r"ended with code 1: its log .* says: ValueError: no model"
    with pytest.raises(PoolError, match=said):
        await JudgeServer(serve(args=("--fail", "1"))).start()


async def test_strangers_are_refused(serve: Callable[..., ServeSettings]) -> None:
    server = JudgeServer(serve())
    address = await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{address.url}/models")
        assert answer.status_code == 401
    finally:
        await server.aclose()


async def test_a_server_ends_with_a_process_that_is_killed(
    serve: Callable[..., ServeSettings], tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    script = (
        "import asyncio, sys\n"
        "from rewards.judge import ServeSettings\n"
        "from rewards.judge.server import JudgeServer\n"
        "async def main():\n"
        "    await JudgeServer(ServeSettings.model_validate_json(sys.argv[1])).start()\n"
        "    print('up', flush=True)\n"
        "    await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(  # noqa: ASYNC220 (it is waited for in a thread)
        [sys.executable, "-c", script, serve().model_dump_json()], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"up\n"
        assert len(servers(log)) == PROCESSES
        process.send_signal(signal.SIGKILL)
    await until(lambda: servers(log) == [])


@pytest.fixture(scope="module")
def cluster(stand_in: None) -> Iterator[Any]:
    ray = pytest.importorskip("ray")
    start_ray(num_cpus=2, num_gpus=1)
    yield ray
    ray.shutdown()


@pytest.mark.slow
async def test_graders_share_an_actor_that_frees_its_gpu(
    serve: Callable[..., ServeSettings], cluster: Any, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"

    def free_gpus() -> float:
        return float(cluster.available_resources().get("GPU", 0))

    settings = serve(gpus=1)
    one, other = ServedJudge(settings), ServedJudge(settings)
    first, second = await asyncio.gather(one.start(), other.start())
    assert (first == second and "127.0.0.1" not in first.url) or first.url == second.url
    assert len(servers(log)) == PROCESSES
    await until(lambda: free_gpus() == 0)
    await one.aclose()
    assert await other.address() == first and len(servers(log)) == PROCESSES
    await other.aclose()
    await until(lambda: servers(log) == [] and free_gpus() == 1)


@pytest.mark.slow
async def test_a_lost_actor_is_placed_anew(
    serve: Callable[..., ServeSettings], cluster: Any, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    async with Judge(JudgeSettings(serve=serve(gpus=1), patience=240)) as judge:
        assert (await judge.grade((), "x")).score == 6
        name = next(one["name"] for one in cluster.util.list_named_actors(all_namespaces=True))
        cluster.kill(cluster.get_actor(name))
        await until(lambda: servers(log) == [])
        assert (await judge.grade((), "y")).score == 6
    await until(lambda: servers(log) == [])


@pytest.mark.slow
async def test_a_cluster_without_the_gpus_says_so(
    serve: Callable[..., ServeSettings], cluster: Any
) -> None:
    settings = serve(gpus=2).model_copy(update={"start_deadline": 1.0})
    judge = ServedJudge(settings)
    with pytest.raises(PoolError, match=r"not placed and ready after 1 s: it asks for 2 GPUs"):
        await judge.start()
    await judge.aclose()
