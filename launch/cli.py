"""The `plumb` command: every command has --help; a user's mistake ends in one line and a code.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from launch.commands.data.app import data_app
from launch.commands.judge import judge_app
from launch.commands.models import export, merge
from launch.commands.sandbox import sandbox_app
from launch.errors import one_line_errors

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Reinforcement-learning post-training for language models whose answers can be checked.",
)


app.add_typer(data_app, name="data")
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(judge_app, name="judge")


app.command()(export)
app.command()(merge)


@app.callback()
def root() -> None:
    """Keeps the help of the whole command apart from that of its parts."""


@app.command()
def train(
    config: Annotated[
        Path, typer.Argument(help="YAML config, e.g. launch/configs/quickstart.yaml")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY.PATH=VALUE]...", help="settings that replace the config's"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="continue the run in run_dir from its last checkpoint")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="delete what run_dir holds and start anew")
    ] = False,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="start nothing: print placement, memory of a GPU, time and GPU-hours"
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the plan as a JSON object")] = False,
    hardware: Annotated[
        str | None,
        typer.Option(
            metavar="GPU",
            help="the plan's GPUs, such as h100-80gb, or cpu",
            show_default="this machine's",
        ),
    ] = None,
    nodes: Annotated[
        int | None, typer.Option(min=1, help="the plan's nodes", show_default="as few as can be")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=1, help="GPUs of each of them", show_default="8")
    ] = None,
    prompt_tokens: Annotated[
        float | None,
        typer.Option(
            min=1, help="the plan's prompts, on average", show_default="half of the longest"
        ),
    ] = None,
    response_tokens: Annotated[
        float | None,
        typer.Option(
            min=1, help="the plan's answers, on average", show_default="a quarter of the longest"
        ),
    ] = None,
    acceptance: Annotated[
        float | None,
        typer.Option(help="the plan's share of groups that teach something", show_default="0.5"),
    ] = None,
    retry: Annotated[
        bool,
        typer.Option(
            "--retry",
            help="continue the run in run_dir if it holds one, else start it: for schedulers that "
            "start a failed command again",
        ),
    ] = False,
) -> None:
    """Train a model with REINFORCE++ and dynamic sampling.

    Joins the Ray cluster at RAY_ADDRESS (or cluster.address), else starts a local one and stops it
    at the end. Writes metrics, sampled answers, checkpoints and report.html to run_dir.

    Examples:

      plumb train launch/configs/quickstart.yaml

      plumb train my.yaml learner.lr=1e-6 train.steps=500 run_dir=runs/second

      plumb train my.yaml --resume

      plumb train my.yaml --plan --hardware h100-80gb --nodes 4
    """
    with one_line_errors():
        from rl.errors import ConfigError

        if plan:
            from launch.train.plan import Given
            from launch.train.plan import plan as print_plan

            given = Given(hardware, nodes, gpus, prompt_tokens, response_tokens, acceptance)
            print_plan(config, overrides or [], given, as_json=as_json, say=_say)
            return
        if as_json or any((hardware, nodes, gpus, prompt_tokens, response_tokens, acceptance)):
            raise ConfigError("hardware and what is assumed are of plans: add --plan")
        from launch.train.closing import close
        from launch.train.run import train as run_training

        resolved, summary = run_training(
            config, overrides or [], resume=resume, overwrite=overwrite, retry=retry, say=_say
        )
        close(resolved, summary)


@app.command()
def status(
    run_dir: Annotated[Path, typer.Argument(help="a run's folder, finished or still going")],
    as_json: Annotated[bool, typer.Option("--json", help="print all of it as JSON")] = False,
) -> None:
    """Show what a run does now, what it waits for, and what has gone wrong around it."""
    with one_line_errors():
        from launch.train.status import show

        show(run_dir, as_json=as_json)


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="a run's folder, finished or still going")],
) -> None:
    """Write a run's report: one HTML file that needs nothing else."""
    with one_line_errors():
        from rl.report import write_report

        _say(f"report: {write_report(run_dir)}")


@app.command()
def verify(
    source: Annotated[
        str, typer.Argument(metavar="IN.jsonl", help="answers, one JSON object a line; - for stdin")
    ],
    target: Annotated[
        str, typer.Argument(metavar="OUT.jsonl", help="verdicts, in the same order; - for stdout")
    ],
    task: Annotated[
        str, typer.Option(help="what the answers are answers to: math, code, tool or text")
    ],
    sandbox: Annotated[
        str | None,
        typer.Option(
            help="code: where programs run: docker, bubblewrap, auto (the first that works), or "
            "the URL of a plumb sandbox serve, or several with commas; its token is in "
            "PLUMB_SANDBOX_TOKEN",
            show_default="auto",
        ),
    ] = None,
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="code: what tests must reach for a reward: in-process, checker (test and program "
            "in separate processes) or outside; rows below are ungradable",
            show_default="checker",
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="text: an OpenAI-compatible endpoint that grades, such as "
            "http://127.0.0.1:8000/v1, or several with commas",
        ),
    ] = None,
    judge_model: Annotated[
        str | None,
        typer.Option(help="text: the judge's model", show_default="the endpoint's only one"),
    ] = None,
    judge_key_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="text: the environment variable with the judge's API key",
            show_default="no key is sent",
        ),
    ] = None,
    rubric: Annotated[
        str | None,
        typer.Option(
            help="text: a rubric's name, or its file", show_default="the report's four factors"
        ),
    ] = None,
    votes: Annotated[
        int | None,
        typer.Option(help="text: grades an answer, whose median counts", show_default="1"),
    ] = None,
    loose: Annotated[
        bool | None,
        typer.Option("--loose", help="text: forgive stars, and a first or last line, as IFEval"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="grading processes; code: programs at a time on this machine",
            show_default="one a core; code: one more",
        ),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            help="seconds for one answer, after which it is not correct; code: for all of its "
            "tests together, from when they begin (one run's time is in the row's limits)",
            show_default="3; code: the limits' total; text: 600 with a judge, 10 with constraints",
        ),
    ] = None,
    memory_mb: Annotated[
        int,
        typer.Option(
            help="memory of one grading process, MiB; code: of one run, unless the row's limits say"
        ),
    ] = 512,
) -> None:
    r"""Grade a file of answers.

    A row of the task math is {"id", "response", "reference"}: a whole answer,
    whose last \boxed{} counts; or {"id", "prediction", "reference"}: a bare answer.

    A row of the task code is {"id", "program", "tests"} or {"id", "response",
    "tests"} (the last fenced block counts), and may have "language" (python, c,
    cpp, java, javascript) and "limits" ({"wall_seconds", "memory_mb", ...}). Tests are
    {"kind": "stdio", "cases": [{"stdin", "stdout"}]},
    {"kind": "calls", "entry_point", "cases": [{"args", "kwargs", "returns"}]},
    {"kind": "check", "entry_point", "source": "def check(candidate): ..."} or
    {"kind": "harness", "source"}. "passed (checker)" in a verdict's reason: the
    test ran in the sandbox too, apart from the program; "passed (in process)":
    together with it, which --trust in-process allows.

    A row of the task tool is {"id", "response", "tools", "reference"} or
    {"id", "calls": [{"name", "arguments"}], "tools", "reference"}, and may have
    "mode": exact (default) compares with [{"name", "arguments"}], accept with
    BFCL's [{"name": {"arg": [allowed values]}}]. [] means that no call is right.

    A row of the task text is {"id", "messages", "response", "reference"?}, for a
    judge; or {"id", "response", "instruction_id_list", "kwargs"}, IFEval's
    constraints, which need no judge.

    A row of the output is {"id", "outcome", "reward", "reason", "seconds"}. The
    outcome is correct, incorrect, or ungradable: an ungradable answer was not
    measured, and its reward is null. OUT.jsonl appears when every row is graded;
    an older one is replaced.

    Examples:

      plumb verify --task math answers.jsonl verdicts.jsonl

      plumb verify --task code --sandbox docker programs.jsonl verdicts.jsonl

      plumb verify --task text --judge http://127.0.0.1:8000/v1 chats.jsonl verdicts.jsonl

      plumb verify --task math answers.jsonl.gz - | grep incorrect
    """
    with one_line_errors():
        from launch.verify.run import verify as run_verify
        from launch.verify.uses import TaskOptions

        run_verify(
            task,
            source,
            target,
            workers=workers,
            deadline=deadline,
            memory_mb=memory_mb,
            options=TaskOptions(
                sandbox, trust, judge, judge_model, judge_key_env, rubric, votes, loose
            ),
        )


def main() -> NoReturn:
    """Entry point of the `plumb` command."""
    app()
    sys.exit(0)


def _say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    main()
