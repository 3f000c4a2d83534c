"""`python -m tests.bench`: measures a training step and prints the table.

Whatever stops it is a line and an exit code. Every number printed comes from the run itself.
"""

import asyncio
import statistics
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from tests.bench.step import Figures, Timing


def main() -> int:
    """Run the benchmark; returns the exit code."""
    try:
        from rich.console import Console

        from rl.errors import PlumbError
        from tests.bench import step
    except ModuleNotFoundError as error:
        return _complain(f"{error.name} is not installed: run `make setup` first", 1)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{step.WARM_UP} warm-up and {step.MEASURED} measured steps of builtin:tiny")
    try:
        figures = step.measure()
    except KeyboardInterrupt:
        return _complain("interrupted before there was a result", 130)
    except asyncio.CancelledError:
        return _complain("terminated before there was a result", 143)
    except PlumbError as error:
        return _complain(str(error), error.exit_code)
    console.print(_table(figures))
    for line in _notes(figures):
        console.print(line)
    return 0


def _complain(message: str, code: int) -> int:
    print(f"bench: {message}", file=sys.stderr, flush=True)
    return code


def _table(figures: "Figures") -> "Table":
    from rich.table import Table

    steps, start = figures.steps, figures.start
    table = Table(title=f"One synchronous step, seconds ({len(steps)} measured)")
    table.add_column("phase")
    for name in ("min", "median", "max", f"at {figures.nominal_tokens:,}", "tokens/s", "x peer"):
        table.add_column(name, justify="right")
    table.add_row("start to first token", "", f"{start.first_token:.2f}")
    table.add_row("start to first step", "", f"{start.ready:.2f}", end_section=True)
    table.add_row("generate", *_timings([step.generate for step in steps]))
    learn = [step.learn for step in steps]
    ratio = _ratio([timing.seconds for timing in learn], [step.bare_learn for step in steps])
    table.add_row("learn", *_timings(learn), ratio)
    sync, total = [step.sync for step in steps], [step.total for step in steps]
    ratio = _ratio(sync, [step.plain_copy for step in steps])
    table.add_row("sync", *_spread(sync), "", "", ratio)
    nominal = statistics.median(step.nominal for step in steps)
    rate = statistics.median(step.generate.tokens / step.total for step in steps)
    rates = f"{nominal:.3f}", f"{rate:,.0f}"
    table.add_row("step total", *_spread(total), *rates, end_section=True)
    table.add_row("generate, no seeds", *_timings([step.unseeded for step in steps]))
    return table


def _notes(figures: "Figures") -> Iterator[str]:
    steps, nominal = figures.steps, f"{figures.nominal_tokens:,}"
    tokens = [step.generate.tokens for step in steps]
    yield (
        f"{figures.samples} samples a step, {min(tokens):,} / {statistics.median(tokens):,.0f} / "
        f"{max(tokens):,} response tokens (min / median / max)"
    )
    yield f"at {nominal}: the median, scaled to {nominal} response tokens a step"
    yield (
        "learn's peer: PyTorch's forward, backward and AdamW on the same micro-batches, median "
        f"{statistics.median(step.bare_learn for step in steps) * 1000:.1f} ms"
    )
    yield (
        "sync's peer: every weight copied out and back in within one process, median "
        f"{statistics.median(step.plain_copy for step in steps) * 1000:.2f} ms"
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
