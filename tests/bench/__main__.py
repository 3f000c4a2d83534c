"""`python -m tests.bench [WHAT]`: measures training steps and prints tables.

Whatever stops it is a line and an exit code. Every number printed comes from the run itself.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from tests.bench.running import Timing
    from tests.bench.step import Figures

HELP = """benchmarks:
  python -m tests.bench                a training step of builtin:tiny by its phases, beside bare
                                       PyTorch; start; synchronous and asynchronous steps; weight
                                       updates with the engine in process and apart
  python -m tests.bench.openrlhf       the same steps by OpenRLHF itself, in one run; CPU hosts
  python -m tests.bench.engines        two engines, synchronous and asynchronous, beside what the
                                       loop in virtual time makes of the same load; CPU hosts
  python -m tests.bench.episodes       2,000 open episodes with tools: what they cost the event loop
  python -m tests.bench.head           the chunked head beside whole logits: memory, time; CPU hosts
  python -m tests.bench.publish        weight updates with the canary; engine in process and apart
  python -m tests.bench.checkpoint     what a checkpoint holds a step up for, beside its write
  python -m tests.bench.loop           the loop in virtual time, with the real dispatch
  python -m tests.bench.data           curation of a million rows of mathematics, phase by phase
  python -m tests.bench.curriculum     adaptive against uniform order of prompts, also simulated
  python -m tests.bench.forecast       what pass rates foretell beside what runs need; CPU hosts
  python -m tests.bench.math           verifying math answers
  python -m tests.bench.duplicates     duplicates and 13-grams of a million rows, and which of the
                                       planted ones are found
  python -m tests.bench.plan           what training public models takes, on paper
  python -m tests.bench.sandbox        running tests of code, beside other ways to run them
  python -m tests.bench.tools          reading and matching tool calls
  python -m tests.bench.view           plumb view over two million answers
  python -m tests.bench.pictures       no benchmark: the README's pictures, from runs that are there
"""


def main() -> int:
    """Run the benchmark; returns the exit code."""
    argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure training steps.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        from rich.console import Console

        from tests.bench import step
        from tests.bench.ending import told
    except ModuleNotFoundError as error:
        print(f"bench: {error.name} is not installed: run `make setup` first", file=sys.stderr)
        return 1
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{step.WARM_UP} warm-up and {step.MEASURED} measured steps of builtin:tiny")

    def work() -> int:
        figures = step.measure()
        console.print(_table(figures))
        for line in _notes(figures):
            console.print(line)
        return 0

    return told(work)


def _table(figures: "Figures") -> "Table":
    from rich.table import Table

    from tests.bench.work import NOMINAL_TOKENS

    steps, start = figures.steps, figures.start
    ran = [step.ran for step in steps]
    table = Table(title=f"One synchronous step, seconds ({len(steps)} measured)")
    table.add_column("phase")
    for name in ("min", "median", "max", f"at {NOMINAL_TOKENS:,}", "tokens/s", "x peer"):
        table.add_column(name, justify="right")
    table.add_row("start to connected", "", f"{start.ready:.2f}")
    table.add_row("start to first token", "", f"{start.first_token:.2f}", end_section=True)
    table.add_row("generate", *_timings([one.generate for one in ran]))
    learn = [one.learn for one in ran]
    ratio = _ratio([timing.seconds for timing in learn], [step.bare_learn for step in steps])
    table.add_row("learn", *_timings(learn), ratio)
    sync, total = [one.sync for one in ran], [one.total for one in ran]
    ratio = _ratio(sync, [step.plain_copy for step in steps])
    table.add_row("publish, with canary", *_spread(sync), "", "", ratio)
    nominal = statistics.median(one.nominal for one in ran)
    rate = statistics.median(one.generate.tokens / one.total for one in ran)
    rates = f"{nominal:.3f}", f"{rate:,.0f}"
    table.add_row("step total", *_spread(total), *rates, end_section=True)
    table.add_row("generate, no seeds", *_timings([step.unseeded for step in steps]))
    table.add_row("engine apart: publish", *_spread(figures.publish_apart))
    return table


def _notes(figures: "Figures") -> Iterator[str]:
    from tests.bench.running import BLOCK
    from tests.bench.step import BLOCKS, MAX_LAG
    from tests.bench.work import NOMINAL_TOKENS, PROMPTS, RESPONSES

    steps, nominal = figures.steps, f"{NOMINAL_TOKENS:,}"
    tokens = [step.ran.generate.tokens for step in steps]
    yield (
        f"{PROMPTS * RESPONSES} samples a step, {min(tokens):,} / {statistics.median(tokens):,.0f} "
        f"/ {max(tokens):,} response tokens (min / median / max)"
    )
    yield f"at {nominal}: the median, scaled to {nominal} response tokens a step"
    synchronous = [block.rate for block in figures.synchronous]
    asynchronous = [block.rate for block in figures.asynchronous]
    yield (
        f"tokens/s trained, {BLOCKS} blocks of {BLOCK} steps each, taking turns: "
        f"{statistics.median(synchronous):,.0f} synchronous, "
        f"{statistics.median(asynchronous):,.0f} at max_lag {MAX_LAG}: "
        f"x {_ratio(asynchronous, synchronous)}"
    )
    yield (
        "learn's peer: PyTorch's forward, backward and AdamW on the same micro-batches, median "
        f"{statistics.median(step.bare_learn for step in steps) * 1000:.1f} ms"
    )
    yield (
        "publish's peer: every weight copied out and back in within one process, median "
        f"{statistics.median(step.plain_copy for step in steps) * 1000:.2f} ms; the largest gap of "
        f"a canary was {max(step.ran.canary_gap for step in steps):.1e} nats"
    )
    kind = "PSS" if sys.platform == "linux" else "resident, shared pages counted repeatedly"
    yield (
        f"peak memory of all processes together, start and warm-up: "
        f"{figures.peak_memory / 2**30:.2f} GiB ({kind})"
    )
    yield (
        f"All figures are of this machine, in this run: {figures.hardware.cores} cores, "
        f"{figures.hardware.device}, load average {figures.load:.1f} before and "
        f"{figures.load_after:.1f} after"
    )


def _spread(seconds: Sequence[float]) -> tuple[str, str, str]:
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    return f"{low:.3f}", f"{middle:.3f}", f"{high:.3f}"


def _timings(timings: "Sequence[Timing]") -> tuple[str, ...]:
    nominal = statistics.median(timing.nominal for timing in timings)
    rate = statistics.median(timing.tokens / timing.seconds for timing in timings)
    spread = _spread([timing.seconds for timing in timings])
    return *spread, f"{nominal:.3f}", f"{rate:,.0f}"


def _ratio(ours: Sequence[float], peers: Sequence[float]) -> str:
    """Median over the steps of the ratio within a step."""
    return f"{statistics.median(a / b for a, b in zip(ours, peers, strict=True)):.2f}"


if __name__ == "__main__":
    sys.exit(main())
