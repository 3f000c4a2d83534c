"""`python -m tests.bench.episodes`: what many open episodes cost the loop that plays them.

Groups of episodes go through the real runner, contexts, renderer, parser and tool environment; only
the policy is scripted: each turn takes `--policy` seconds and calls a tool, which takes `--tool`
seconds, until the last one answers. A group that ends is followed by another. Printed is the share
of one core that the thread of the event loop takes meanwhile (CLOCK_THREAD_CPUTIME_ID), and what
that is a turn; and the same of the whole process, encoding beside the loop included. With
`--runners N` episodes are played by N actors, and what is measured is the driver's loop, through
which their turns and verdicts go.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.config import RunConfig
from rl.episodes.rendering import Renderer
from rl.gc_pause import loading
from rl.runners.begin import begin_episodes
from rl.tokens import Ids, Sampled, Sampling, Segment, Span
from tests.rl import templates
from tests.rl.scripted import small_tokenizer

WORDS = "Let me look that up, as I am not sure of it. " * 3


class Slow:
    """A tool that takes its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def search(self, query: str, limit: int = 3) -> str:
        """Search for something.

        Args:
            query: What is looked for.
            limit: Results at most.
        """
        await asyncio.sleep(self._seconds)
        return json.dumps([{"title": f"{query} {i}", "text": "x " * 40} for i in range(limit)])


class Script:
    """A policy that calls the tool in all turns but the last.

    Args:
        tokenizer: its own.
        turns: of an episode.
        seconds: that each takes.
    """

    def __init__(self, tokenizer: Any, turns: int, seconds: float) -> None:
        self._turns = turns
        self._seconds = seconds
        call = json.dumps({"name": "search", "arguments": {"query": "rain in Spain", "limit": 3}})
        self._said = [
            self._turn(tokenizer, f"{WORDS}<tool_call>{call}</tool_call>"),
            self._turn(tokenizer, "It falls mainly on the plain."),
        ]
        self._end = tokenizer.eos_token_id
        self.asked = 0

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        """One turn."""
        self.asked += 1
        ends = int(np.count_nonzero(context == self._end))  # the question's, two a turn and answer
        ids, text = self._said[ends >= 2 * self._turns - 1]
        await asyncio.sleep(self._seconds)
        logprobs = np.full(len(ids), -0.5, np.float32)
        return Sampled(Segment(ids, logprobs, (Span(len(ids), 0),)), "stop", text)

    @staticmethod
    def _turn(tokenizer: Any, text: str) -> tuple[Ids, str]:
        return np.array([*tokenizer.encode(text), tokenizer.eos_token_id], np.int32), text


@dataclass(frozen=True, slots=True)
class Load:
    """What is measured.

    Attributes:
        open: episodes at a time.
        group: episodes of a prompt.
        turns: of an episode.
        policy: seconds of a turn.
        tool: seconds of a call.
        seconds: measured.
        runners: actors that play; 0: this process.
    """

    open: int
    group: int
    turns: int
    policy: float
    tool: float
    seconds: float
    runners: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured: shares of a core, of the loop and of its process, and counts."""

    share: float
    process: float
    turns: float
    episodes: float
    seconds: float


async def grade(sample: Sample) -> Verdict:
    """Any answer is right."""
    return Verdict.correct()


async def measured(load: Load, profile: cProfile.Profile | None = None) -> Figures:
    """Play episodes, and measure once all of them are open and spread over their turns."""
    tokenizer = small_tokenizer(templates.KEEPS)
    folder = tempfile.mkdtemp()
    tokenizer.save_pretrained(folder)
    config = RunConfig.model_validate(
        {
            "model": {"path": folder},
            "env": {"spec": f"{__file__}:Slow", "options": {"seconds": load.tool}},
            "sampler": {"samples_per_prompt": load.group},
            "episode": {
                "call_format": "hermes",
                "turns": load.turns,
                "calls_at_once": load.open,
                "call_seconds": 600.0,
                "runners": load.runners,
            },
            "rollout": {"max_prompt_tokens": 20_000, "max_response_tokens": 2_000},
        }
    )
    policy = Script(tokenizer, load.turns, load.policy)
    stack = AsyncExitStack()
    episodes = await begin_episodes(stack, config, print)
    runner = episodes.runner(Renderer(tokenizer), policy, grade)
    ended = 0

    async def play(number: int) -> None:
        nonlocal ended
        prompt = Prompt(f"p{number}", ({"role": "user", "content": "Where does it rain?"},), "4")
        await asyncio.sleep(number / (load.open / load.group) * _length(load))
        while True:
            await runner.run(number, prompt, 0)
            ended += load.group

    playing = [asyncio.create_task(play(i)) for i in range(load.open // load.group)]
    await asyncio.sleep(_length(load))
    asked, before = policy.asked, ended
    if profile is not None:
        profile.enable()
    began, spent, used = time.perf_counter(), time.thread_time(), time.process_time()
    await asyncio.sleep(load.seconds)
    seconds, spent = time.perf_counter() - began, time.thread_time() - spent
    used = time.process_time() - used
    if profile is not None:
        profile.disable()
    counted = (policy.asked - asked) / seconds, (ended - before) / seconds
    figures = Figures(spent / seconds, used / seconds, *counted, seconds)
    for task in playing:
        task.cancel()
    await asyncio.gather(*playing, return_exceptions=True)
    await stack.aclose()
    return figures


def _length(load: Load) -> float:
    """Seconds of an episode."""
    return load.turns * load.policy + (load.turns - 1) * load.tool


def main() -> None:
    """Print what it costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--open", type=int, default=2000, help="episodes at a time")
    parser.add_argument("--group", type=int, default=8, help="episodes of a prompt")
    parser.add_argument("--turns", type=int, default=5, help="of an episode")
    parser.add_argument("--policy", type=float, default=4.0, help="seconds of a turn")
    parser.add_argument("--tool", type=float, default=1.0, help="seconds of a call")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--runners", type=int, default=0, help="actors that play episodes")
    asked = parser.parse_args()
    times = asked.policy, asked.tool, asked.seconds
    load = Load(asked.open, asked.group, asked.turns, *times, asked.runners)
    if load.runners:
        ray.init(address="local", include_dashboard=False, log_to_driver=False)
    profile = cProfile.Profile(time.thread_time) if asked.profile else None
    with loading():
        figures = asyncio.run(measured(load, profile))
    print(
        f"{load.open} open episodes of {load.turns} turns, {load.policy:g} s of the policy and "
        f"{load.tool:g} s of a tool each: {figures.share:.1%} of a core, {figures.turns:.0f} turns "
        f"and {figures.episodes:.0f} episodes a second, "
        f"{1e6 * figures.share / figures.turns:.0f} us a turn; the whole process: "
        f"{figures.process:.1%}, {1e6 * figures.process / figures.turns:.0f} us a turn"
    )
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
