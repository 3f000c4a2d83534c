"""`plumb verify`: grades a file of answers."""

from dataclasses import dataclass
from typing import Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """What `plumb verify` takes."""

    source: Annotated[
        str, typer.Argument(metavar="IN.jsonl", help="answers, one JSON object a line; - for stdin")
    ]
    target: Annotated[
        str, typer.Argument(metavar="OUT.jsonl", help="verdicts, in the same order; - for stdout")
    ]
    task: Annotated[
        str | None,
        typer.Option(
            help="what the answers are answers to: math, code, tool or text",
            show_default="that of --plugin",
        ),
    ] = None
    plugin: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:NAME",
            help="a verifier of your own, or a registered one's name, in place of the task's",
        ),
    ] = None
    sandbox: Annotated[
        str | None,
        typer.Option(
            help="code: where programs run: docker, bubblewrap, auto (the first that works), or "
            "the URL of a plumb sandbox serve, or several with commas; its token is in "
            "PLUMB_SANDBOX_TOKEN",
            show_default="auto",
        ),
    ] = None
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="code: what tests must reach for a reward: in-process, checker (test and program "
            "in separate processes) or outside; rows below are ungradable",
            show_default="checker",
        ),
    ] = None
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="text: an OpenAI-compatible endpoint that grades, such as "
            "http://127.0.0.1:8000/v1, or several with commas",
        ),
    ] = None
    judge_model: Annotated[
        str | None,
        typer.Option(help="text: the judge's model", show_default="the endpoint's only one"),
    ] = None
    judge_key_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="text: the environment variable with the judge's API key",
            show_default="no key is sent",
        ),
    ] = None
    rubric: Annotated[
        str | None,
        typer.Option(
            help="text: a rubric's name, or its file", show_default="the report's four factors"
        ),
    ] = None
    votes: Annotated[
        int | None,
        typer.Option(help="text: grades an answer, whose median counts", show_default="1"),
    ] = None
    loose: Annotated[
        bool | None,
        typer.Option("--loose", help="text: forgive stars, and a first or last line, as IFEval"),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            help="grading processes; code: programs at a time on this machine",
            show_default="one a core; code: one more",
        ),
    ] = None
    deadline: Annotated[
        float | None,
        typer.Option(
            help="seconds for one answer, after which it is not correct; code: for all of its "
            "tests together, from when they begin (one run's time is in the row's limits)",
            show_default="3; code: the limits' total; text: 600 with a judge, 10 with constraints",
        ),
    ] = None
    memory_mb: Annotated[
        int,
        typer.Option(
            help="memory of one grading process, MiB; code: of one run, unless the row's limits say"
        ),
    ] = 512


@takes_options
def verify(options: VerifyOptions) -> None:
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

    A row for a verifier of your own, --plugin, is {"id", "response", "reference"?,
    "messages"?}; its other columns reach the verifier by their names.

    A row of the output is {"id", "outcome", "reward", "reason", "seconds"}. The
    outcome is correct, incorrect, or ungradable: an ungradable answer was not
    measured, and its reward is null. OUT.jsonl appears when every row is graded;
    an older one is replaced.

    Examples:

      plumb verify --task math answers.jsonl verdicts.jsonl

      plumb verify --task code --sandbox docker programs.jsonl verdicts.jsonl

      plumb verify --task text --judge http://127.0.0.1:8000/v1 \\
        chats.jsonl verdicts.jsonl

      plumb verify --plugin verifier.py:in_order answers.jsonl verdicts.jsonl

      plumb verify --task math answers.jsonl.gz - | grep incorrect
    """
    with one_line_errors():
        _verify(options)


def _verify(options: VerifyOptions) -> None:
    from launch.verify.run import verify as run_verify
    from launch.verify.uses import TaskOptions

    run_verify(
        options.task,
        options.source,
        options.target,
        workers=options.workers,
        deadline=options.deadline,
        memory_mb=options.memory_mb,
        options=TaskOptions(
            options.sandbox,
            options.trust,
            options.judge,
            options.judge_model,
            options.judge_key_env,
            options.rubric,
            options.votes,
            options.loose,
            options.plugin,
        ),
    )
