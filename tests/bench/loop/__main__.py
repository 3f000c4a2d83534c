"""`python -m tests.bench.loop [STEPS]`: step times of synchronous and asynchronous dispatch.

Guarantees: ledger, pacing and dispatcher are the real ones; engines, learner and answers are
simulated in virtual time, so that the table is the same on every machine. Every scheme samples the
same prompts. Exits with 1 if a goal is missed.
"""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.table import Table

from tests.bench.loop.controller import Cost, cost, memory
from tests.bench.loop.simulation import FILLINGS, SYNC, WARM_UP, Case, Figures, simulate

STEPS = 64
ACCEPTANCES = (0.2, 0.4, 0.7)
RATIOS = (1.0, 3.0)
BEFORE = "synchronous before"
SYNCHRONOUS, LAG_2, LAG_4 = "max_lag 0", "max_lag 2", "max_lag 4, ahead 2"
TO_BEFORE = {LAG_2: 0.50, LAG_4: 0.37}
"""Most of the step time that there was before."""
TO_BOUND = {0.2: 1.03, 0.4: 1.27, 0.7: 1.6}
"""What a prototype of the design reached at max_lag 4, ahead 2 and 1:1, by acceptance."""
LOST, BIAS, LAG = 0.01, 0.02, 2.5
MICROSECONDS, GROWTH = 6.0, 1.05


def main() -> int:
    """Run the benchmark; returns the exit code."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    console = Console(highlight=False, soft_wrap=True, width=max(140, Console().width))
    cases = [case for a in ACCEPTANCES for r in RATIOS for case in _cases(a, r, steps)]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(simulate, cases))
    console.print(_table(found))
    for line in _settings(steps):
        console.print(line)
    costs = [asyncio.run(cost(groups, lag, 3)) for groups in (128, 6250) for lag in (0, 2)]
    for one in costs:
        console.print(
            f"dispatch costs {one.microseconds:.1f} us a sample at {one.samples_a_step:,} samples "
            f"a step, max_lag {one.max_lag}"
        )
    sizes = list(memory(1000, 200))
    told = ", ".join(f"{mib:.0f} after {step}" for step, mib in sizes)
    console.print(f"resident memory of 1,000 steps of 128 answers of 500 tokens, MiB: {told}")
    missed = [*_missed(found), *_missed_costs(costs, [mib for _, mib in sizes])]
    for line in missed:
        console.print(f"missed: {line}")
    return 1 if missed else 0


def _cases(acceptance: float, ratio: float, steps: int) -> Iterator[Case]:
    for name in FILLINGS:
        yield Case(name, acceptance, ratio, steps=steps)
    yield Case(SYNCHRONOUS, acceptance, ratio, 0, steps=steps)
    yield Case(LAG_2, acceptance, ratio, 2, steps=steps)
    yield Case(LAG_4, acceptance, ratio, 4, 2.0, steps=steps)
    yield Case("max_lag 4, 8 engines die", acceptance, ratio, 4, 2.0, steps=steps, deaths=8)


def _table(found: Sequence[Figures]) -> Table:
    table = Table(title="A step in virtual time")
    table.add_column("acceptance")
    table.add_column("generate:learn")
    table.add_column("scheme")
    heads = ("step s", "x before", "x bound", "lost %", "lag mean", "max", "engines idle")
    for head in (*heads, "learner idle", "bias %"):
        table.add_column(head, justify="right")
    for one in found:
        case = one.case
        table.add_row(
            f"{case.acceptance:.0%}",
            f"{case.ratio:g}:1",
            case.scheme,
            f"{one.step:.0f}",
            f"{one.step / _before(one, found).step:.2f}",
            f"{one.step / one.bound:.2f}",
            f"{100 * one.lost:.1f}",
            f"{one.lag_mean:.2f}",
            f"{one.lag_max}",
            f"{one.engines_idle:.0%}",
            f"{one.learner_idle:.0%}",
            f"{100 * one.bias:+.1f}",
            end_section=case.deaths > 0,
        )
    return table


def _settings(steps: int) -> Iterator[str]:
    yield (
        f"16 engines of 256 places; 128 groups of 16 a step; an update takes {SYNC:g} s; "
        f"{steps - WARM_UP} of {steps} steps count"
    )
    yield "before: the synchronous sampler that there was, whose surplus was trained off-policy"
    yield "bound: all engines full all the time, or the learner never idle, whichever is slower"
    yield (
        "lost: tokens of accepted groups and dead engines that were not trained; bias: length of "
        "what was trained against all that was accepted"
    )


def _before(one: Figures, found: Sequence[Figures]) -> Figures:
    def is_same(other: Figures) -> bool:
        case = other.case
        return (case.acceptance, case.ratio) == (one.case.acceptance, one.case.ratio)

    return next(f for f in found if f.case.scheme == BEFORE and is_same(f))


def _missed(found: Sequence[Figures]) -> Iterator[str]:
    for one in found:
        case, goal = one.case, TO_BEFORE.get(one.case.scheme)
        if case.max_lag is None:
            continue
        where = f"{case.scheme} at {case.acceptance:.0%}, {case.ratio:g}:1"
        if goal is not None and one.step > goal * _before(one, found).step:
            yield f"{where}: {one.step / _before(one, found).step:.3f} of before, goal {goal}"
        if one.lag_max > case.max_lag:
            yield f"{where}: a lag of {one.lag_max}"
        if abs(one.bias) > BIAS:
            yield f"{where}: a bias of {one.bias:+.1%}"
        if case.max_lag and one.lost > LOST:
            yield f"{where}: {one.lost:.1%} of tokens lost"
        if case.scheme == LAG_4:
            if case.ratio == 1 and one.step >= TO_BOUND[case.acceptance] * one.bound:
                yield f"{where}: {one.step / one.bound:.3f} times the bound"
            if one.lag_mean > LAG:
                yield f"{where}: a mean lag of {one.lag_mean:.2f}"


def _missed_costs(costs: Sequence[Cost], sizes: Sequence[float]) -> Iterator[str]:
    for one in costs:
        if one.microseconds > MICROSECONDS:
            yield f"dispatch costs {one.microseconds:.1f} us a sample"
    if sizes[-1] > GROWTH * sizes[0]:
        yield f"memory grew from {sizes[0]:.0f} to {sizes[-1]:.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
