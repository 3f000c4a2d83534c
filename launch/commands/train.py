"""`plumb train`: a run, or what it would be."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What `plumb train` takes."""

    config: Annotated[Path, typer.Argument(help="YAML config, e.g. launch/configs/quickstart.yaml")]
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY.PATH=VALUE|MORE.yaml]...",
            help="settings that replace the config's, and further configs that are laid over it",
        ),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="continue the run in run_dir from its last checkpoint")
    ] = False
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="delete what run_dir holds and start anew")
    ] = False
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
        int | None, typer.Option(min=1, help="the plan's nodes", show_default="as few as can be")
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
    retry: Annotated[
        bool,
        typer.Option(
            "--retry",
            help="continue the run in run_dir if it holds one, else start it: for schedulers that "
            "start a failed command again; in a Ray job the command does so itself",
        ),
    ] = False


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
    from rl.config_file import load_config
    from rl.errors import ConfigError

    if options.show:
        from rl.config_file import dump_config, load_config

        print(dump_config(load_config(options.config, options.overrides or [])), end="")
        return
    if options.plan:
        from launch.train.plan import Given
        from launch.train.plan import plan as print_plan

        given = Given(
            options.hardware,
            options.nodes,
            options.gpus,
            options.prompt_tokens,
            options.response_tokens,
            options.acceptance,
        )
        print_plan(
            options.config, options.overrides or [], given, as_json=options.as_json, say=_say
        )
        return
    if options.as_json or any(
        (
            options.hardware,
            options.nodes,
            options.gpus,
            options.prompt_tokens,
            options.response_tokens,
            options.acceptance,
        )
    ):
        raise ConfigError("hardware and what is assumed are of plans: add --plan")
    if options.dry_run:
        from launch.train.dry_run import dry_run

        sys.exit(dry_run(options.config, options.overrides or [], _say))
    if options.retry:
        from launch.train.again import follow, run_again, starts_itself

        if starts_itself():
            config = load_config(options.config, options.overrides or [], say=lambda line: None)
            sys.exit(run_again(config, _say))
        follow()
    from launch.train.run import train as run_training

    run_training(
        options.config,
        options.overrides or [],
        resume=options.resume,
        overwrite=options.overwrite,
        retry=options.retry,
        say=_say,
    )


def _say(message: str) -> None:
    print(message, flush=True)
