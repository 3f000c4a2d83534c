"""`python -m tests.bench.math`: our math grader and math-verify on the same pairs, in turns.

Guarantees: both see the same pairs in the same order, warm, in this process, without timeouts of
their own; the pairs are made here from a seed; both are asked about right and wrong answers.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from rewards.math.equal import decide
from rewards.math.symbolic import UnparsableError, equal, parsed

ROUNDS = 5
PAIRS = 200
Pair = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of every call, and how many verdicts were right."""

    seconds: Sequence[float]
    right: int

    @property
    def mean(self) -> float:
        """Milliseconds a pair."""
        return statistics.fmean(self.seconds) * 1e3

    @property
    def slow(self) -> float:
        """The 99th percentile, milliseconds."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] * 1e3


def numbers(draw: random.Random) -> Iterator[Pair]:
    """Ordinary numeric answers: integers, decimals, fractions; every other one is wrong."""
    for i in range(PAIRS):
        value, off = draw.randrange(-9999, 99999), draw.choice([1, -1, 10])
        gold = draw.choice([f"{value}", f"{value}.5", rf"\frac{{{value}}}{{7}}", f"{value:,}"])
        wrong = gold.replace(f"{value:,}", f"{value + off:,}").replace(f"{value}", f"{value + off}")
        yield (gold if i % 2 else wrong), gold.replace(",", ""), bool(i % 2)


def forms(draw: random.Random) -> Iterator[Pair]:
    """Roots, sets, intervals, equations and polynomials in another form; every other is wrong."""
    for i in range(PAIRS):
        a, b = draw.randrange(2, 40), draw.randrange(41, 90)
        c = a if i % 2 else a + 1
        pairs = (
            (rf"\sqrt{{{c * c * 3}}}", rf"{a}\sqrt{{3}}"),
            (rf"\{{{b}, {c}\}}", rf"\{{{a}, {b}\}}"),
            (rf"({c}, {b}]", rf"\left({a}, {b}\right]"),
            (f"{b} + {c}x", f"{a}x + {b}"),
            (rf"(x+{c})(x+{b})", f"x^2 + {a + b}x + {a * b}"),
            (rf"\frac{{\pi}}{{{c}}} + {b}", rf"{b} + \frac{{\pi}}{{{a}}}"),
            (
                rf"\begin{{pmatrix}} {c} & {b} \end{{pmatrix}}",
                rf"\begin{{bmatrix}} {a} & {b} \end{{bmatrix}}",
            ),
        )
        yield (*draw.choice(pairs), c == a)


def ours(prediction: str, reference: str) -> bool:
    """This project's grader."""
    return bool(decide(prediction, reference).same)


def theirs(prediction: str, reference: str) -> bool:
    """math-verify, LaTeX only, as `rewards.math.symbolic` calls it."""
    try:
        return equal(parsed(prediction), parsed(reference))
    except UnparsableError:
        return False


def measure(grade: Callable[[str, str], bool], pairs: Sequence[Pair]) -> Result:
    """Time every call."""
    seconds, right = [], 0
    for prediction, reference, same in pairs:
        started = time.perf_counter()
        verdict = grade(prediction, reference)
        seconds.append(time.perf_counter() - started)
        right += verdict == same
    return Result(seconds, right)


def main() -> int:
    """Run the benchmark; returns the exit code."""
    table = Table(title="One pair of answers, milliseconds")
    for column in ("pairs", "grader", "right", "mean", "p99", "pairs/s", "x math-verify"):
        table.add_column(column, justify="left" if column in {"pairs", "grader"} else "right")
    for kind in (numbers, forms):
        results: dict[str, list[Result]] = {"plumb": [], "math-verify": []}
        for turn in range(ROUNDS + 1):
            pairs = list(kind(random.Random(turn)))
            for name, grade in (("plumb", ours), ("math-verify", theirs)):
                result = measure(grade, pairs)
                if turn:  # the first round warms both up
                    results[name].append(result)
        peer = statistics.median(result.mean for result in results["math-verify"])
        for name, rounds in results.items():
            mean = statistics.median(result.mean for result in rounds)
            table.add_row(
                kind.__name__,
                name,
                f"{sum(result.right for result in rounds)} of {ROUNDS * PAIRS}",
                f"{mean:.3f}",
                f"{statistics.median(result.slow for result in rounds):.3f}",
                f"{1e3 / mean:,.0f}",
                f"{peer / mean:.1f}",
                end_section=name == "math-verify",
            )
    Console(soft_wrap=True, highlight=False).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
