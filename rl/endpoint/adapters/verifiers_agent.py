"""One task of a `verifiers` taskset, played against whoever asks for it over OpenAI's interface.

For a virtual environment of its own, `pip install verifiers==0.4.0` and the taskset; it needs
nothing of Plumb. Two uses:

    python verifiers_agent.py rows my-taskset --count 1000 > rows.jsonl
    agent: {command: [.../bin/python, verifiers_agent.py, play, my-taskset], result: reward, ...}

The first writes a row a task, the second plays the task of the row that stands on standard input
with the policy at OPENAI_BASE_URL, and writes `{"reward": ..., "metrics": {...}}`: the taskset's
own rewards, added up; of several agents, the mean of those that are trained.

The harness is the taskset's, else `null`, the chat loop with the taskset's tools, in a process of
this machine's. `--env` is what verifiers calls its `[env]` block, as JSON: taskset, harness,
limits. A script of a harness whose packages are all here runs with this Python: nothing is
downloaded.

What fails in a task or in what the policy brings about is a reward of 0. Exit code 75 says that
something beside the policy is broken (a box, a tunnel), so that the episode is tried again.
"""

import argparse
import asyncio
import hashlib
import importlib.metadata
import itertools
import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from typing import Any

from verifiers.v1.clients import EvalClientConfig, ModelContext
from verifiers.v1.runtimes.subprocess import SubprocessRuntime
from verifiers.v1.utils.loaders import default_harness_id, load_environment, resolve_env_config

AWAY = {"SandboxError", "TunnelError", "InterceptionError", "ToolsetError"}
TRY_AGAIN = 75  # EX_TEMPFAIL
_HEAD = re.compile(r"^# /// script\n(.*?)^# ///$", re.DOTALL | re.MULTILINE)
_downloaded = SubprocessRuntime.prepare_uv_script


def main() -> int:
    """Do what the arguments say; gives the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rows", "play"])
    parser.add_argument("taskset")
    parser.add_argument("--env", type=json.loads, default={}, help="the [env] block, as JSON")
    parser.add_argument("--count", type=int, default=1000, help="rows at most")
    given = parser.parse_args()
    SubprocessRuntime.prepare_uv_script = _prepared
    env = load_environment(resolve_env_config(settings(given.taskset, given.env)))
    if given.what == "rows":
        for task in itertools.islice(env.taskset, given.count):
            print(json.dumps(row(given.taskset, task.data), ensure_ascii=False))
        return 0
    asked = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what tasks print is no reward
    episode = asyncio.run(played(env, int(asked["id"].rpartition(":")[2])))
    errors = [one for trace in episode.traces for one in trace.errors] + list(episode.errors)
    for one in errors:
        print(f"{one.type}: {one.message}", file=sys.stderr)
    if any(one.type in AWAY for one in errors):
        return TRY_AGAIN
    answers.write(json.dumps(worth(episode)) + "\n")
    answers.flush()
    return 0


def settings(taskset: str, env: Mapping[str, Any]) -> dict[str, Any]:
    """The [env] block: a local process, and no tools of its own, unless it says otherwise."""
    made = {**env, "taskset": {"id": taskset, **env.get("taskset", {})}}
    own = default_harness_id(taskset)
    agent = {"runtime": {"type": "subprocess"}, **made.get("agent", {})}
    if own == "bash":  # what is taken where the taskset has none; it runs what the policy writes
        agent.setdefault("harness", {"id": "null"})
    return {**made, "agent": agent} if "id" not in env else made


def row(taskset: str, data: Any) -> dict[str, Any]:
    """A task as a row: its place in the taskset, and what is asked."""
    prompt = data.prompt
    if not isinstance(prompt, str):
        prompt = [
            {"role": one.role, "content": one.content if isinstance(one.content, str) else ""}
            for one in prompt or ()
        ] or ""
    return {"id": f"{taskset}:{data.idx}", "prompt": prompt or "(the task begins by itself)"}


async def played(env: Any, index: int) -> Any:
    """The episode of a task."""
    tasks = env.taskset.include(idx=[f"{index}:{index + 1}"])
    task = next(iter(tasks), None)
    if task is None:
        raise SystemExit(f"the taskset has no task {index}")
    client = EvalClientConfig(base_url=os.environ["OPENAI_BASE_URL"], api_key_var="OPENAI_API_KEY")
    context = ModelContext(model=os.environ.get("OPENAI_MODEL", "policy"), client=client)
    async with env.serving():
        return await env.run_episode(task, context)


def worth(episode: Any) -> dict[str, Any]:
    """What an episode earned, and its numbers."""
    trained = [one for one in episode.traces if one.agent is None or one.agent.trainable]
    traces = trained or list(episode.traces)
    metrics = {"verifiers_ok": float(episode.ok), "verifiers_traces": float(len(episode.traces))}
    for trace in traces:
        for name, value in trace.metrics.items():
            if value is not None:
                metrics[name] = metrics.get(name, 0.0) + float(value) / len(traces)
        for name, found in trace.rewards.items():
            if found is not None:
                metrics[f"reward_{name}"] = metrics.get(f"reward_{name}", 0.0) + float(
                    found.value
                ) / len(traces)
    reward = sum(float(one.reward) for one in traces) / max(1, len(traces))
    return {"reward": reward if episode.ok else 0.0, "metrics": metrics}


async def _prepared(
    self: Any, script: str | bytes, env: Any = None, *, activate: bool = True
) -> list[str]:
    """A script that this Python can run, as it is; any other by uv, as verifiers does it."""
    text = script if isinstance(script, str) else script.decode()
    head = _HEAD.search(text)
    lines = head[1].splitlines() if head else []
    wanted = tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines))
    if not all(map(_is_here, wanted.get("dependencies", ()))):
        argv: list[str] = await _downloaded(self, script, env, activate=activate)
        return argv
    path = f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.py"
    await self.write(path, text.encode())
    return [sys.executable, path]


def _is_here(requirement: str) -> bool:
    name = re.match(r"[\w.-]+", requirement)
    try:
        importlib.metadata.distribution(name[0] if name else "")
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
