"""The table that a person sees of an evaluation, and of two that are compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from launch.datasets.progress import duration
from launch.verify.run import plain


def percent(value: float | None) -> str:
    """A share; nothing measured is a dash."""
    return "-" if value is None else f"{value:.1%}"


def show_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows; all columns but the first stand at the right."""
    table = Table(box=None, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", no_wrap=not place)
    for row in rows:
        table.add_row(*map(plain, row))
    Console(width=None if Console().is_terminal else 120, highlight=False).print(table)


def show_evaluation(out: Path, results: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what came of an evaluation, as a table or as JSON."""
    if as_json:
        print(json.dumps(results, indent=1))
        return
    show_results(results)
    tokens = sum(one["response_tokens"] for one in results["sets"].values())
    print(f"{tokens:,} tokens sampled; took {duration(results['seconds'])}")
    print(f"results: {out / 'results.json'}, answers: {out / 'answers.parquet'}")


def show_results(results: Mapping[str, Any]) -> None:
    """Print an evaluation."""
    sets: Mapping[str, Mapping[str, Any]] = results["sets"]
    most = max(one["samples"] for one in sets.values())
    heads = ["set", "prompts", "k", "pass@1", "95 % interval"]
    several = most > 1
    heads += ["pass@k"] if several else []
    heads += ["maj@k"] if most > 2 else []
    has_best = any("best_of" in one for one in sets.values())
    heads += ["best of k"] if has_best else []
    heads += ["tokens", "cut", "ungradable"]
    rows = []
    for name, one in sets.items():
        rows.append(_row(name, one, several=several, majority=most > 2, best=has_best))
        for text, value, tokens in _parts(one):
            row = [text, *([""] * (len(heads) - 1))]
            row[heads.index("pass@1")], row[heads.index("tokens")] = value, tokens
            rows.append(row)
    show_table(heads, [[*row, *([""] * (len(heads) - len(row)))] for row in rows])


def _row(
    name: str, one: Mapping[str, Any], *, several: bool, majority: bool, best: bool
) -> list[str]:
    k = one["samples"]
    row = [name, f"{one['prompts']:,}", f"{k}", percent(one["accuracy"]), _between(one["interval"])]
    row += [percent(one["pass_at"][str(k)])] if several else []
    row += [percent(one["majority"])] if majority else []
    row += [percent(one.get("best_of"))] if best else []
    tokens = one["response_tokens_mean"]
    row += ["-" if tokens is None else f"{tokens:,.0f}"]
    return [*row, percent(one["truncated"]), f"{one['ungradable']:,}" if one["ungradable"] else ""]


def _parts(one: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Accuracy by source, level, task and mode, where there are several; tokens of modes."""
    for what in ("source", "level", "task", "mode"):
        parts = one.get(f"accuracy_by_{what}") or {}
        tokens = one.get(f"response_tokens_by_{what}") or {}
        for name, value in parts.items() if len(parts) > 1 else ():
            length = f"{tokens[name]:,.0f}" if name in tokens else ""
            yield f"  {what} {name}", percent(value), length


def _between(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.1%} to {bounds[1]:.1%}"
