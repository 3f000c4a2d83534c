"""Agents that run: what they are told, how they end, and what is graded of them."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from data.schema import Prompt
from rewards import Sample, Use, Verdict
from rl.config import AgentConfig, EpisodeConfig, RunConfig, SamplerConfig
from rl.endpoint.agents import task_of
from rl.episodes.playing import sample_of, thinking_tokens
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.errors import ConfigError, InfrastructureError
from tests.rl.agents_world import agents, hurry, plain, play, runs
from tests.rl.endpoint_world import (
    PROMPT,
    Speaker,
    check_token_rule,
    recorder_of,
    tokenizer_of,
)

TWICE = """
said = ask(task["messages"])
more = {"role": "user", "content": "Are you sure?"}
print(ask([*task["messages"], said, more])["content"].upper())
"""


async def test_an_agent_s_output_is_graded_and_its_turns_recorded(tmp_path: Path) -> None:
    speaker = Speaker(lambda text: "sure" if "Are you sure?" in text else "seven")
    recorder = recorder_of(speaker)
    async with agents(**plain(tmp_path, TWICE)) as made:
        metrics = await play(made, recorder)
    episode = recorder.episode("stop", metrics=metrics)
    assert (episode.response, episode.thinking, episode.end) == ("SURE", "none", "stop")
    assert (len(episode.trajectories), episode.turns) == (1, 2)
    assert episode.metrics["agent_failed"] == 0
    assert episode.metrics["requests_followed"] == 1
    check_token_rule(recorder, speaker)


async def test_the_policy_s_last_turn_is_graded_where_that_is_said(tmp_path: Path) -> None:
    recorder = recorder_of(Speaker(lambda text: "seven"))
    settings = plain(tmp_path, "ask(task['messages']); print('a log')", result="turn")
    async with agents(**settings) as made:
        await play(made, recorder)
    assert recorder.episode("stop").response == "seven"


@pytest.mark.parametrize("result", ["stdout", "turn"])
async def test_terms_look_at_the_policys_thinking_whatever_is_graded(
    tmp_path: Path, result: str
) -> None:
    recorder = recorder_of(Speaker(lambda text: "<think>6*7=42</think>42"))
    source = "print('It is', ask(task['messages'])['content'])"
    async with agents(**plain(tmp_path, source, result=result)) as made:
        await play(made, recorder)
    episode = recorder.episode("stop")
    counted = await thinking_tokens(Renderer(tokenizer_of()), episode, 1_000)
    sample = sample_of(PROMPT, "p#0", episode, recorder.response_tokens, counted)
    assert sample.response == ("It is 42" if result == "stdout" else "<think>6*7=42</think>42")
    for asked, holds in (
        ({"thinking": "some", "min_tokens": 2}, True),
        ({"thinking": "none"}, False),
    ):
        assert Use("reasoning", asked).load().judge(sample).is_correct is holds


def test_an_agent_is_not_told_what_graders_know() -> None:
    prompt = Prompt("p", PROMPT.messages, reference="secret", metadata={"solution": "secret"})
    told = task_of(prompt).decode()
    assert "secret" not in told
    assert json.loads(told) == {"id": "p", "messages": list(PROMPT.messages), "tools": []}


async def test_a_plain_process_gets_no_variables_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("SEARCH_KEY", "y")
    recorder = recorder_of(Speaker(lambda text: "ok"))
    source = "ask(task['messages']); print(*sorted(os.environ), 'is=' + os.environ['SEARCH_KEY'])"
    own = {"variables": {"MINE": "1"}, "pass_environment": ["SEARCH_KEY"]}
    async with agents(**plain(tmp_path, source, **own)) as made:
        await play(made, recorder)
    known = {"HOME", "LANG", "LC_CTYPE", "OPENAI_API_KEY", "OPENAI_BASE_URL", "PATH"}
    known |= {"MINE", "SEARCH_KEY", "is=y"}
    found = set((recorder.result or "").split())
    assert found >= {"MINE", "SEARCH_KEY", "is=y"}
    assert found - {"OPENAI_MODEL", "PWD", "SHLVL", "_"} <= known


async def test_a_variable_that_is_not_set_is_missed_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pass_environment: .* NO_SUCH_KEY is not set"):
        async with agents(**plain(tmp_path, "", pass_environment=["NO_SUCH_KEY"])):
            pass


async def test_a_run_whose_agents_never_ask_ends(tmp_path: Path) -> None:
    """A program that is broken is no service that is away for a while."""
    async with agents(**plain(tmp_path, "import no_such_module")) as made:
        for _ in range(7):
            with pytest.raises(InfrastructureError, match="before it asked the policy"):
                await play(made, recorder_of(Speaker(lambda text: "ok")))
        with pytest.raises(ConfigError, match=r"8 agents ended before .* no_such_module"):
            await play(made, recorder_of(Speaker(lambda text: "ok")))


@pytest.mark.parametrize(
    ("source", "measured"),
    [
        ("raise SystemExit(3)", "agent_failed"),
        ("import time; time.sleep(600)", "agent_late"),
        ("while True: print('x' * 1000)", "agent_flooded"),
        ("while True: print('x' * 1000, file=sys.stderr)", "agent_late"),
        ("""
         if os.fork() == 0:
             import time; time.sleep(600)
         os._exit(5)
         """, "agent_failed"),
    ],
)  # fmt: skip
async def test_however_an_agent_ends_it_is_graded(
    tmp_path: Path, source: str, measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = recorder_of(Speaker(lambda text: "ok"))
    if measured == "agent_late":
        hurry(monkeypatch, lambda: recorder.counts["begun"] == 2)
    once = "ask(task['messages'])"
    told = f"{once}; print('so far', flush=True); {once}\n{textwrap.dedent(source)}"
    async with agents(**plain(tmp_path, told, output_kb=8)) as made, asyncio.timeout(250):
        metrics = await play(made, recorder)
    ended = {name for name, value in metrics.items() if value == 1.0}
    assert ended == {measured}
    assert (recorder.result or "").startswith("so far")
    assert len(recorder.result or "") <= 8 << 10


async def test_waiting_for_the_policy_is_no_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = Speaker(lambda text: "ok", gate=asyncio.Event())
    assert speaker.gate is not None
    recorder = recorder_of(speaker)
    source = "ask(task['messages']); print('done')"
    looks = hurry(monkeypatch, lambda: speaker.asked)
    async with agents(**plain(tmp_path, source)) as made:
        playing = asyncio.create_task(play(made, recorder))
        async with asyncio.timeout(250):
            while len(looks) < 3:
                await asyncio.sleep(0.01)
        speaker.gate.set()
        metrics = await playing
    assert metrics["agent_late"] == 0
    assert recorder.result == "done"


async def test_an_agent_that_ignores_its_budget_samples_no_more(tmp_path: Path) -> None:
    source = """
    import urllib.error
    refused = []
    for i in range(50):
        try:
            ask([{"role": "user", "content": str(i)}])
        except urllib.error.HTTPError as error:
            refused.append(error.code)
    print(set(refused), len(refused))
    """
    speaker = Speaker(lambda text: "some words")
    recorder = recorder_of(speaker, answer=30)
    async with agents(**plain(tmp_path, source, tokens=60)) as made:
        await play(made, recorder)
    sampled = sum(len(ids) for _, ids in speaker.seen)
    assert sampled <= 60
    assert recorder.result == f"{{403}} {50 - len(speaker.seen)}"
    assert recorder.episode("stop").end == "budget"


async def test_a_policy_that_fails_ends_the_agent(tmp_path: Path) -> None:
    source = """
    import time
    try:
        ask(task["messages"])
    except Exception:
        time.sleep(600)
    """
    recorder = recorder_of(Speaker(lambda text: "ok", error=RuntimeError("away")))
    async with agents(**plain(tmp_path, source)) as made, asyncio.timeout(250):
        await play(made, recorder)
    assert isinstance(recorder.failure, RuntimeError)


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        ("raise SystemExit('no such module')", InfrastructureError, "no such module"),
        ("raise SystemExit(127)", ConfigError, "cannot be run"),
    ],
)
async def test_an_agent_that_never_asks_is_no_answer(
    tmp_path: Path, source: str, error: type[Exception], told: str
) -> None:
    recorder = recorder_of(Speaker(lambda text: "ok"))
    async with agents(**plain(tmp_path, source)) as made:
        with pytest.raises(error, match=told):
            await play(made, recorder)


async def test_a_program_that_is_not_there_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="no program 'no-such-program'"):
        async with agents(command=["no-such-program"], isolation="none"):
            pass


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="image needs Docker"):
        AgentConfig(command=["a"], isolation="bubblewrap", image="python:3")
    with pytest.raises(ValueError, match="rootfs needs bubblewrap"):
        AgentConfig(command=["a"], isolation="docker", rootfs="/x")  # type: ignore[arg-type]


@pytest.mark.parametrize("asks", [True, False])
async def test_a_group_of_agents_is_graded_or_says_what_is_broken(
    asks: bool, tmp_path: Path
) -> None:
    async def grade(sample: Sample) -> Verdict:
        is_right = sample.response == sample.reference
        return Verdict.correct() if is_right else Verdict.incorrect(reason=sample.response)

    says = "print(ask(task['messages'])['content'])" if asks else "sys.exit('no module x')"
    settings = plain(tmp_path, says)
    prompt = Prompt("p", PROMPT.messages, reference="seven")
    config = RunConfig(
        agent=AgentConfig(**settings),
        sampler=SamplerConfig(samples_per_prompt=2),
        episode=EpisodeConfig(retries=1),
    )
    answers = iter(["seven", "eight"])
    speaker = Speaker(lambda text: next(answers))
    async with agents(**settings) as made:
        renderer = Renderer(tokenizer_of())
        runner = GroupRunner(renderer, speaker, grade, made, config, backoff=0.0)  # type: ignore[arg-type]
        group = await runner.run(0, prompt, 3)
    if asks:
        assert sorted(verdict.reward for verdict in group.verdicts) == [0.0, 1.0]
        assert [len(episode.trajectories) for episode in group.episodes] == [1, 1]
        assert {episode.metrics["requests_begun"] for episode in group.episodes} == {1.0}
        assert {episode.metrics["begun_anew"] for episode in group.episodes} == {0.0}
        assert len({how.seed for how in speaker.asked}) == 2
    else:
        for verdict in group.verdicts:
            assert not verdict.is_gradable
            assert verdict.reason.startswith("infrastructure: the agent ended with exit code 1")
            assert "no module x" in verdict.reason


def test_a_plain_agent_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    mark = f"plumb-follows-{os.getpid()}"
    source = f"""
    import asyncio, os, subprocess, sys, time
    from pathlib import Path
    from rl.config import AgentConfig
    from rl.endpoint.boxes import Here
    async def begun():
        sleeping = "print(1, flush=True); import time; time.sleep(600)"
        command = [sys.executable, "-c", sleeping, "{mark}"]
        async with Here(AgentConfig(command=command)).open(Path(), "", []) as place:
            return subprocess.Popen(place.command, stdout=subprocess.PIPE)
    asyncio.run(begun()).stdout.readline()
    print("asleep", flush=True)
    time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "asleep\n"
        assert runs(mark)
        driver.kill()
    until = time.monotonic() + 60
    while runs(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert not runs(mark)
