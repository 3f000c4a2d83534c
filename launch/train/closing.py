"""The end of a run, for a person: the report, and a summary in measured numbers."""

from rich.console import Console

from rl.config import RunConfig
from rl.progress import summary_table
from rl.report import write_report
from rl.run import Summary


def close(config: RunConfig, summary: Summary) -> None:
    """Write the report and print the summary."""
    report = write_report(config.run_dir)
    minutes, seconds = divmod(round(summary.seconds), 60)
    facts = {"steps": f"{summary.steps} in {minutes} min {seconds} s"}
    before, after = summary.accuracy_before, summary.accuracy_after
    if before is not None and after is not None:
        change = (after - before) * 100
        facts["accuracy"] = (
            f"{before:.1%} before, {after:.1%} after ({change:+.1f} points), measured on "
            f"{summary.evaluation_size} held-out prompts, {_manner(config)}"
        )
    for what, parts in (("task", summary.accuracy_by_task), ("mode", summary.accuracy_by_mode)):
        if len(parts) > 1:
            facts[f"by {what}"] = "; ".join(
                f"{name} {_percent(first)} before, {_percent(last)} after"
                for name, (first, last) in parts.items()
            )
    if summary.ungradable:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.ungradable.items()))
        total = sum(summary.ungradable.values())
        facts["ungradable"] = f"{total} answers, left out of everything: {kinds}"
    if summary.model is not None:
        facts["model"] = str(summary.model)
    facts["report"] = str(report)
    Console(soft_wrap=True, highlight=False).print(summary_table(facts))


def _percent(share: float | None) -> str:
    return "not measured" if share is None else f"{share:.1%}"


def _manner(config: RunConfig) -> str:
    train = config.train
    if train.eval_temperature == 0:
        return "greedy"
    return f"{train.eval_samples} samples each at temperature {train.eval_temperature:g}"
