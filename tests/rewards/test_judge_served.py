"""A real vLLM server that Plumb starts as judge: it grades, and it ends."""

import sys
from pathlib import Path

import pytest

from rewards import InfrastructureError, PoolError
from rewards.judge import Judge, JudgeSettings, ServeSettings
from rewards.judge.server import JudgeServer
from tests.judge_server import SERVER_ARGUMENTS, make_judge_model
from tests.processes import descendants, is_alive

ASKED = ({"role": "user", "content": "Name a prime."},)


@pytest.mark.slow
async def test_a_server_of_ours_grades_and_ends_with_its_judge(tmp_path: Path) -> None:
    serve = ServeSettings(
        model=str(make_judge_model(tmp_path / "model")),
        args=SERVER_ARGUMENTS,
        restarts=0,
        log=tmp_path / "server.log",
        start_deadline=240,
    )
    others = set(descendants())
    async with Judge(JudgeSettings(serve=serve, patience=60, structured="json_schema")) as judge:
        server = descendants(f"{sys.executable} -m vllm.entrypoints")[0]
        assert 0 <= (await judge.grade(ASKED, "Seven.")).score <= 10
        started = set(descendants()) - others
        assert server in started
        server.kill()
        with pytest.raises(InfrastructureError, match="restarted 0 times and given up: it ended"):
            await judge.grade(ASKED, "Eight.")
    assert not any(map(is_alive, started))


@pytest.mark.slow
async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    serve = ServeSettings(model=str(tmp_path / "nothing"), log=tmp_path / "log")
    server = JudgeServer(serve)
    said = r"ended with code \d+: its log .* says: .*nothing"
    with pytest.raises(PoolError, match=said) as caught:
        await server.start()
    assert "\n" not in str(caught.value)
    assert server.pid is None
