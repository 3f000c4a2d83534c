"""`plumb train`: a run, or what it would be."""

import sys
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from launch.commands.options import RunOptions, takes_options
from launch.errors import one_line_errors

_ASSUMED: Final = (
    "hardware", "nodes", "gpus", "prompt_tokens", "response_tokens", "acceptance",
)  # fmt: skip
"""What a plan is made for, in the order in which it takes it."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions(RunOptions):
    """What `plumb train` takes."""

    show: Annotated[
        bool,
        typer.Option("--show", help="start nothing: print every setting, as all of it resolves"),
    ] = False
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="start nothing: print placement, memory of a GPU, time and GPU-hours"
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="start nothing: read the data, show a prompt as the policy reads it, grade "
            "references and nonsense",
        ),
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="the plan as a JSON object")] = False
    hardware: Annotated[
        str | None,
        typer.Option(
            metavar="GPU",
            help="the plan's GPUs, such as h100-80gb, or cpu",
            show_default="this machine's",
        ),
    ] = None
    nodes: Annotated[
        int | None,
        typer.Option(min=1, max=4096, help="the plan's nodes", show_default="as few as can be"),
    ] = None
    gpus: Annotated[
        int | None, typer.Option(min=1, help="GPUs of each of them", show_default="8")
    ] = None
    prompt_tokens: Annotated[
        float | None,
        typer.Option(
            min=1, help="the plan's prompts, on average", show_default="half of the longest"
        ),
    ] = None
    response_tokens: Annotated[
        float | None,
        typer.Option(
            min=1, help="the plan's answers, on average", show_default="a quarter of the longest"
        ),
    ] = None
    acceptance: Annotated[
        float | None,
        typer.Option(help="the plan's share of groups that teach something", show_default="0.5"),
    ] = None


@takes_options
def train(options: TrainOptions) -> None:
    """Train a model with REINFORCE++ and dynamic sampling.

    Joins the Ray cluster at RAY_ADDRESS (or cluster.address), else starts a local one and stops it
    at the end. Writes metrics, sampled answers, checkpoints and report.html to run_dir.

    Examples:

      plumb train launch/configs/quickstart.yaml

      plumb train my.yaml learner.lr=1e-6 train.steps=500 run_dir=runs/second

      plumb train my.yaml gpus.yaml --show

      plumb train my.yaml --dry-run

      plumb train my.yaml --resume

      plumb train my.yaml --plan --hardware h100-80gb --nodes 4
    """
    with one_line_errors():
        _train(options)


def _train(options: TrainOptions) -> None:
    from rl.config_file import dump_config, load_config

    _refuse_contradictions(options)
    flags = options.flags()
    overrides = options.overrides or []
    if options.show:
        print(dump_config(load_config(options.config, overrides)), end="")
    elif options.plan:
        from launch.train.plan import Given, plan

        given = Given(*(getattr(options, name) for name in _ASSUMED))
        plan(options.config, overrides, given, as_json=options.as_json, say=_say)
    elif options.dry_run:
        from launch.train.dry_run import dry_run

        sys.exit(dry_run(options.config, overrides, _say))
    elif "--retry" in flags:
        from launch.train.again import follow, run_again, starts_itself

        if starts_itself():
            config = load_config(options.config, overrides, say=lambda line: None)
            sys.exit(run_again(config, _say))
        follow()
        _run(options)
    else:
        _run(options)


def _run(options: TrainOptions) -> None:
    from launch.train.run import train as run_training

    run_training(
        options.config,
        options.overrides or [],
        resume=options.resume,
        overwrite=options.overwrite,
        retry=options.retry,
        say=_say,
    )


def _refuse_contradictions(options: TrainOptions) -> None:
    from rl.errors import ConfigError

    modes = {"--show": options.show, "--plan": options.plan, "--dry-run": options.dry_run}
    asked = [mode for mode, is_set in modes.items() if is_set]
    if len(asked) > 1:
        raise ConfigError(f"{' and '.join(asked)} each start nothing: give one of them")
    assumed = [name for name in _ASSUMED if getattr(options, name) is not None]
    if not options.plan and (options.as_json or assumed):
        named = "json" if options.as_json else assumed[0].replace("_", "-")
        raise ConfigError(f"--{named} is of plans: add --plan")


def _say(message: str) -> None:
    print(message, flush=True)
