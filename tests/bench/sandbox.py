"""`python -m tests.bench.sandbox [BACKEND]`: the sandbox beside a bare subprocess and `docker run`.

Guarantees: everything is measured in this run, on this machine, in turns; a bare subprocess and the
sandbox run the same trivial program. CPU time is the whole machine's, so that what an engine or the
kernel does for a run is counted; it is right on a machine that does nothing else.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sandbox import BoxSettings, Program, Sandbox, TestCase
from sandbox.errors import SandboxError
from sandbox.image.inputs import image_tag

RUNS, ROUNDS, DOCKER_RUNS = 200, 3, 5
TRIVIAL = "print(int(input()) * 2)"
HELLO = {
    "c": '#include <stdio.h>\nint main(){int n;scanf("%d",&n);printf("%d",2*n);}',
    "cpp": "#include <bits/stdc++.h>\nusing namespace std;\n"
    "int main(){int n;cin>>n;vector<int> v(n,2);cout<<accumulate(v.begin(),v.end(),0);}",
    "java": "import java.util.*;\npublic class Main {\n  public static void main(String[] a) {\n"
    "    System.out.println(new Scanner(System.in).nextInt() * 2);\n  }\n}",
    "javascript": "console.log(2 * Number(require('fs').readFileSync(0, 'utf8')))",
}
HUMANEVAL = Path("../shared/data/humaneval/python.jsonl")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of many cost, in milliseconds."""

    wall: float
    cpu: float


async def measure(work: Callable[[], Awaitable[None]], count: int, width: int) -> Cost:
    """`count` runs, `width` at a time."""
    gate = asyncio.Semaphore(width)

    async def one() -> None:
        async with gate:
            await work()

    began, spent = time.monotonic(), machine_seconds()
    await asyncio.gather(*(one() for _ in range(count)))
    return Cost((time.monotonic() - began) / count * 1e3, (machine_seconds() - spent) / count * 1e3)


def machine_seconds() -> float:
    """CPU seconds of all processes and of the kernel since the machine started."""
    user, nice, system, _, _, irq, soft, *_ = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + soft) / 100


async def bare() -> None:
    """The trivial program in a subprocess of its own, as anybody would do it."""
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/python3",
        "-c",
        TRIVIAL,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, _ = await process.communicate(b"21\n")
    assert out == b"42\n", out


def docker_run(image: str) -> None:
    """The trivial program by `docker run`."""
    done = subprocess.run(
        ["docker", "run", "--rm", "-i", "--network=none", image, "python3", "-c", TRIVIAL],
        input=b"21\n",
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"42\n", done


async def main(backend: str) -> int:
    """Measure and print; returns the exit code."""
    console = Console(highlight=False, soft_wrap=True)
    settings = BoxSettings()
    try:
        began = time.monotonic()
        async with Sandbox.open(backend, settings=settings) as box:
            await judge_trivial(box)
            first = time.monotonic() - began
            await report(console, box, first)
    except SandboxError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


async def report(console: Console, box: Sandbox, first: float) -> None:
    """All tables."""
    health = await box.health()
    console.print(f"backend {health.backend}, {health.slots} slots; first judgement {first:.2f} s")
    at_eight = await report_runs(console, box)
    await report_latency(console, box)
    if health.backend == "docker":
        began = time.monotonic()
        for _ in range(DOCKER_RUNS):
            docker_run(image_tag())
        each = (time.monotonic() - began) / DOCKER_RUNS * 1e3
        console.print(f"docker run: {each:.0f} ms a test, {each / at_eight:.0f} x ours at 8")
    await report_languages(console, box)
    await report_humaneval(console, box)


async def judge_trivial(box: Sandbox) -> None:
    """The trivial program, judged."""
    judgement = await box.judge(Program(source=TRIVIAL), [TestCase(stdin="21", stdout="42")])
    assert judgement.passed, judgement


async def report_runs(console: Console, box: Sandbox) -> float:
    """Time and CPU time a test beside a bare subprocess; gives our milliseconds at 8 at a time."""
    table = Table(title=f"One trivial Python test, median of {ROUNDS} x {RUNS}")
    for name in ("at a time", "bare ms", "ours ms", "bare CPU ms", "ours CPU ms", "more CPU ms"):
        table.add_column(name, justify="right")
    table.add_column("throughput x bare", justify="right")
    ours = 0.0
    for width in (1, 2, 8):
        pairs = [
            (
                await measure(bare, RUNS, width),
                await measure(lambda: judge_trivial(box), RUNS, width),
            )
            for _ in range(ROUNDS)
        ]
        ours = statistics.median(o.wall for _, o in pairs)
        table.add_row(
            str(width),
            f"{statistics.median(b.wall for b, _ in pairs):.2f}",
            f"{ours:.2f}",
            f"{statistics.median(b.cpu for b, _ in pairs):.2f}",
            f"{statistics.median(o.cpu for _, o in pairs):.2f}",
            f"{statistics.median(o.cpu - b.cpu for b, o in pairs):.2f}",
            f"{statistics.median(b.wall / o.wall for b, o in pairs):.2f}",
        )
    console.print(table)
    return ours


async def report_latency(console: Console, box: Sandbox) -> None:
    """How long one test takes alone."""
    alone = []
    for _ in range(RUNS):
        began = time.monotonic()
        await judge_trivial(box)
        alone.append((time.monotonic() - began) * 1e3)
    p99 = sorted(alone)[int(0.99 * RUNS)]
    console.print(f"alone: p50 {statistics.median(alone):.1f} ms, p99 {p99:.1f} ms")


async def report_languages(console: Console, box: Sandbox) -> None:
    """A judgement of a program that is new each time, and of one that is built already."""
    table = Table(title="One judgement, seconds (median of 7)")
    for name in ("language", "built and run", "run again"):
        table.add_column(name)
    for language, source in HELLO.items():
        fresh, again = [], []
        for number in range(8):
            comment = f"\n// {number}\n"
            program = Program(source=source + comment, language=language)
            for times in (fresh, again):
                began = time.monotonic()
                judgement = await box.judge(program, [TestCase(stdin="21", stdout="42")])
                times.append(time.monotonic() - began)
                assert judgement.passed, judgement
        table.add_row(
            language, f"{statistics.median(fresh[1:]):.3f}", f"{statistics.median(again[1:]):.3f}"
        )
    console.print(table)


async def report_humaneval(console: Console, box: Sandbox) -> None:
    """HumanEval's reference solutions, where the data is there."""
    if not HUMANEVAL.exists():
        return
    rows = [json.loads(line) for line in HUMANEVAL.read_text().splitlines()]
    began = time.monotonic()
    judgements = await asyncio.gather(
        *(
            box.judge(
                Program(source=row["prompt"] + row["canonical_solution"]),
                {"kind": "check", "entry_point": row["entry_point"], "source": row["test"]},
            )
            for row in rows
        )
    )
    seconds = time.monotonic() - began
    passed = sum(judgement.passed for judgement in judgements)
    console.print(f"HumanEval: {passed} of {len(rows)} references pass, {seconds:.2f} s")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "auto")))
