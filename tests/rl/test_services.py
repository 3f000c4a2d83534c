"""Services that a run needs: which they are, who is away, and a run while they are."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import rl.services
from data.schema import Prompt
from data.stream import PromptStream
from rl.config import RunConfig
from rl.config_file import dump_config
from rl.fault_log import FaultLog, read_faults
from rl.rewarding import grading_pool
from rl.services import HOLD_SECONDS, Service, Services, services_of
from tests.fake_judge import FakeJudge, grades
from tests.ports import free_port
from tests.rl.trainer_world import World
from tests.run_files import ended_groups, faults
from tests.virtual_time import run

AWAY = 10.0  # seconds


def test_they_are_what_the_configuration_names_by_an_address() -> None:
    config = RunConfig.model_validate(
        {
            "reward": {
                "verifier": "code",
                "options": {"sandbox": ["http://a:1", "http://b:2/"]},
                "routes": {
                    "chat": {"spec": "judge", "options": {"url": "https://judge/v1"}},
                    "again": {"spec": "code", "options": {"sandbox": ["http://a:1", "http://b:2"]}},
                    "here": {"spec": "code", "options": {"sandbox": "bubblewrap"}},
                    "wrong": {"spec": "code", "options": {"sandbox": "http://a:port"}},
                    "mine": {"spec": "x.py:f", "options": {"url": 7, "sandbox": ["http://a:1", 3]}},
                },
                "terms": {"style": {"spec": "judge", "weight": 1, "options": {"url": "http://c"}}},
            },
            "env": {"spec": "python", "options": {"sandbox": "http://[::1]:9", "url": "http://d"}},
        }
    )
    assert [(one.what, one.urls) for one in services_of(config)] == [
        ("the sandbox", ("http://a:1", "http://b:2")),
        ("the judge", ("https://judge/v1",)),
        ("the judge", ("http://c",)),
        ("the sandbox", ("http://[::1]:9",)),
    ]
    assert services_of(RunConfig()) == []


class Watched:
    """Services whose answers a test says, looked at in virtual time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
        self.here: set[tuple[str, int]] = set()
        self.lines: list[str] = []
        self.paused: set[str] = set()
        self.services = Services([Service("the sandbox", urls)], lambda: self, self.lines.append)

        async def answers(host: str, port: int) -> bool:
            return (host, port) in self.here

        monkeypatch.setattr(rl.services, "answers", answers)

    def pause(self, why: str) -> None:
        self.paused.add(why)

    def resume(self, why: str) -> None:
        self.paused.discard(why)

    def while_it_looks(self, story: Callable[[], Any]) -> None:
        async def work() -> None:
            looking = asyncio.create_task(self.services.watch())
            await story()
            looking.cancel()

        run(work())


def test_one_that_goes_away_is_named_and_held_back_for_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched(monkeypatch, "http://a:1")

    async def story() -> None:
        watched.here = {("a", 1)}
        await asyncio.sleep(10)
        watched.here = set()
        await asyncio.sleep(2)  # a knock is missed: it may be slow
        assert watched.lines == [] and not watched.paused
        await asyncio.sleep(4)
        assert watched.lines == ["the sandbox at http://a:1 does not answer: what needs it waits"]
        assert watched.paused == {"the sandbox at http://a:1"}
        (waits,) = watched.services.waits_for()
        assert waits.startswith("the sandbox at http://a:1, away for ")
        watched.here = {("a", 1)}
        await asyncio.sleep(3)
        assert watched.lines[1:] == ["the sandbox at http://a:1 is back"]
        assert not watched.paused and not list(watched.services.waits_for())

    watched.while_it_looks(story)


def test_prompts_are_held_back_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then requests fail by themselves, and the run says what that means for it."""
    watched = Watched(monkeypatch, "http://a:1")

    async def story() -> None:
        watched.here = {("a", 1)}
        await asyncio.sleep(3)
        watched.here = set()
        await asyncio.sleep(HOLD_SECONDS)
        assert watched.paused
        await asyncio.sleep(12)
        assert not watched.paused
        assert len(watched.lines) == 1

    watched.while_it_looks(story)


def test_one_of_several_alike_holds_nobody_back(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, "http://a:1", "http://b:2")

    async def story() -> None:
        watched.here = {("a", 1), ("b", 2)}
        await asyncio.sleep(3)
        watched.here = {("b", 2)}
        await asyncio.sleep(8)
        assert watched.lines == ["the sandbox at http://a:1 does not answer: the others are asked"]
        assert not watched.paused
        watched.here = set()
        await asyncio.sleep(8)
        assert watched.paused

    watched.while_it_looks(story)


def test_one_that_never_answered_a_knock_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, "https://behind-a-proxy/v1")

    async def story() -> None:
        await asyncio.sleep(60)
        assert watched.lines == [] and not watched.paused

    watched.while_it_looks(story)


class SandboxProcess:
    """`plumb sandbox serve` at one address."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "launch.cli", "sandbox", "serve", "--slots", "2"]
        command += ["--backend", "bubblewrap", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert "ready at" in self._process.stdout.readline()

    def end(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.communicate(timeout=60)
            self._process = None


@asynccontextmanager
async def both() -> AsyncIterator[tuple[SandboxProcess, FakeJudge]]:
    """A sandbox and a judge, each a real server."""
    box = SandboxProcess()
    judge = FakeJudge(lambda body: grades(9 if "good" in str(body["messages"]) else 1))
    try:
        await asyncio.to_thread(box.start)
        await asyncio.to_thread(judge.start)
        yield box, judge
    finally:
        await asyncio.to_thread(box.end, signal.SIGTERM)
        await asyncio.to_thread(judge.stop)


def prompts(count: int) -> list[Prompt]:
    """By turns: programs that are right or wrong, answers that a judge likes or does not."""
    kinds = [("code", ""), ("code", "never"), ("judged", "good"), ("judged", "bad")]
    found = []
    for number in range(count):
        task, word = kinds[number % 4]
        cases = {"kind": "stdio", "cases": [{"stdin": "", "stdout": word}]}
        asked = ({"role": "user", "content": f"{word} {number}"},)
        reference = cases if task == "code" else None
        found.append(Prompt(f"{task} {word} {number}", asked, reference, task))
    return found


def settings(box: SandboxProcess, judge: FakeJudge) -> dict[str, Any]:
    # A program of the scripted policy is a list of numbers, which prints nothing.
    code = {"sandbox": box.url, "bare": True}
    # A busy machine takes its time to start the services again.
    asked = {"url": judge.url, "tool_call": None, "patience": 600.0}
    routes = {"judged": {"spec": "judge", "options": asked}}
    return {
        "reward": {
            "verifier": "code",
            "options": code,
            "routes": routes,
            "retries": 5,
            "max_ungradable": 0.0,
        },
        "sampler": {"filter": "none", "max_lag": 1},
        "train": {"steps": 100_000, "eval_every": 0},
    }


async def until(true: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(240):
            while not true():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen") from None


@pytest.mark.timeout(600)
async def test_a_run_whose_sandbox_and_judge_are_away_for_a_while_loses_and_pays_nothing(
    tmp_path: Path,
) -> None:
    async with both() as (box, judge):
        asked = settings(box, judge)
        pool = grading_pool(RunConfig.model_validate({"reward": asked["reward"]}).reward)
        source = PromptStream(prompts(400), seed=0, epochs=None)
        asked_beside = [Prompt("held out", ({"role": "user", "content": "good"},), None, "judged")]
        options = {"held_out": asked_beside, "source": source, "pool": pool}
        world = World(tmp_path, seconds=lambda _: 0.01, learn=0.2, **options, **asked)
        (tmp_path / "config.yaml").write_text(dump_config(world.config))
        log = FaultLog(tmp_path, print)
        services = Services(
            services_of(world.config), lambda: world.trainer.parts.dispatcher, log.note
        )
        async with pool:
            beside = asyncio.create_task(services.watch())
            running = asyncio.create_task(world.run())
            await until(lambda: world.trainer.step >= 3 or running.done(), "the third step")
            await until(lambda: all(one.seen for one in services._services), "a first look")

            box.end()
            await asyncio.to_thread(judge.stop)
            await until(lambda: len(told(tmp_path, "does not answer")) == 2, "what is told")
            await asyncio.sleep(AWAY / 2)
            held = len(world.engines.asked)
            assert len(list(services.waits_for())) == 2
            await asyncio.sleep(AWAY / 2)
            assert len(world.engines.asked) == held, "nothing new is begun meanwhile"
            step = world.trainer.step
            assert not running.done()

            await asyncio.to_thread(box.start)
            await asyncio.to_thread(judge.start)
            await until(lambda: world.trainer.step >= step + 6 or running.done(), "what follows")
            assert len(world.engines.asked) > held
            assert not running.done()
            running.cancel()
            beside.cancel()
            await asyncio.gather(running, beside, return_exceptions=True)
    assert len(told(tmp_path, "is back")) == 2
    assert faults(tmp_path) == []
    rewards = {"code ": 1.0, "code never": 0.0, "judged good": 0.8, "judged bad": -0.8}
    ended = ended_groups(tmp_path)
    for group in ended:
        kind = group.prompt.rpartition(" ")[0]
        assert {reward for _, reward in group.answers} == {rewards[kind]}, group
    assert {group.prompt.rpartition(" ")[0] for group in ended} == set(rewards)


def told(run_dir: Path, words: str) -> list[str]:
    return [row["line"] for row in read_faults(run_dir) if words in row["line"]]
