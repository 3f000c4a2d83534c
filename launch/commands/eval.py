"""`plumb eval` and `plumb eval compare`.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
from typer.core import TyperGroup

from launch.commands.options import takes_options
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from launch.evaluate.options import Options

Part = TypeVar("Part", bound=Any)
_RUN: Final = "run"
_ONE: Final = (
    *("limit", "out", "config", "preset", "thinking", "max_prompt_tokens", "system", "template"),
    *("mode", "verifier", "select", "engines", "workers", "seed", "overwrite", "regrade"),
)
_SEVERAL: Final = ("sets", "formats", "answers", "overrides")
"""Options that an evaluation takes as they are; the latter are lists."""


class _ModelFirst(TyperGroup):
    """Takes a first word that is not `compare` for the model that is evaluated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command before a model."""
        if args[:1] != ["compare"]:
            args = [_RUN, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command, under the name that a user knows it by: none."""
        name, command, rest = super().resolve_command(ctx, args)
        return "" if name == _RUN else name, command, rest


eval_app = typer.Typer(
    cls=_ModelFirst, add_completion=False, help="Evaluate a model, or compare two evaluations."
)

_Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=FILE",
        help="prompts, in the format of a public set, of records, or a built-in task; repeatable",
    ),
]
_Format = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="NAME=FORMAT", help="a set's format, where rows do not tell"),
]
_Answers = Annotated[
    list[str] | None,
    typer.Option("-k", "--answers", metavar="K|NAME=K", help="answers a prompt, of all sets or one",
                 show_default="1"),
]  # fmt: skip
_Limit = Annotated[int | None, typer.Option(help="the first so many prompts of each set")]
_Out = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="the results", show_default="evals/MODEL")
]
_Config = Annotated[
    Path | None,
    typer.Option(help="a run's YAML config, for its verifiers, wording and sets of evaluation"),
]
_Preset = Annotated[
    str | None,
    typer.Option(help="a report's sampling: telechat, enggpt2-standard or enggpt2-best"),
]
_Thinking = Annotated[
    bool | None,
    typer.Option("--thinking/--no-thinking", help="by the chat template's enable_thinking",
                 show_default="the preset's, or the template's"),
]  # fmt: skip
_Mode = Annotated[str | None, typer.Option(help="of modes", show_default="each prompt's own")]
_Temperature = Annotated[float | None, typer.Option(show_default="the preset's, or 0: greedy")]
_TopP = Annotated[float | None, typer.Option(show_default="the preset's, or 1")]
_TopK = Annotated[int | None, typer.Option(show_default="the preset's, or all")]
_MinP = Annotated[float | None, typer.Option(show_default="the preset's, or 0")]
_Penalty = Annotated[float | None, typer.Option(show_default="the preset's, or 1")]
_MaxTokens = Annotated[
    int | None,
    typer.Option(help="longest answer, tokens", show_default="the preset's, the run's, or 1024"),
]
_MaxPrompt = Annotated[
    int | None,
    typer.Option(help="longer prompts are left ungraded, tokens",
                 show_default="the run's, or 8192"),
]  # fmt: skip
_System = Annotated[str | None, typer.Option(help="system message of prompts that have none")]
_Template = Annotated[
    str | None,
    typer.Option(help="text around problems; {prompt} stands for one",
                 show_default="the run's, or a request for a boxed answer"),
]  # fmt: skip
_Verifier = Annotated[
    str | None,
    typer.Option(help="grades every set: a name, or path/to/file.py:function",
                 show_default="by each prompt's task"),
]  # fmt: skip
_Sandbox = Annotated[
    str | None,
    typer.Option(help="where programs run: docker, bubblewrap, auto, or URLs of plumb sandbox "
                 "serve", show_default="auto"),
]  # fmt: skip
_Trust = Annotated[
    str | None,
    typer.Option(metavar="LEVEL", help="what tests of programs must reach: in-process, checker or "
                 "outside", show_default="checker"),
]  # fmt: skip
_Judge = Annotated[str | None, typer.Option(metavar="URL", help="the endpoint that grades texts")]
_JudgeModel = Annotated[str | None, typer.Option(help="its model", show_default="the only one")]
_JudgeKey = Annotated[str | None, typer.Option(metavar="VARIABLE", help="with its API key")]
_Rubric = Annotated[str | None, typer.Option(help="the judge's rubric, a name or a file")]
_Votes = Annotated[int | None, typer.Option(help="the judge's grades an answer")]
_Loose = Annotated[bool, typer.Option("--loose", help="check constraints loosely, as IFEval")]
_Select = Annotated[
    str | None,
    typer.Option(metavar="judge|reward=URL|VERIFIER",
                 help="choose the best of k: by --judge, a reward model of vllm serve, or a "
                 "verifier's reward; none of them sees the reference"),
]  # fmt: skip
_Engines = Annotated[
    int | None, typer.Option(min=1, help="vLLM engines", show_default="all GPUs; one on a CPU host")
]
_Workers = Annotated[int | None, typer.Option(min=1, help="grading processes",
                                              show_default="the run's, or 1")]  # fmt: skip
_Seed = Annotated[int | None, typer.Option(show_default="the run's, or 0")]
_Served = Annotated[str | None, typer.Option(help="the endpoint's model",
                                             show_default="the only one")]  # fmt: skip
_Key = Annotated[str | None, typer.Option(metavar="VARIABLE", help="with the endpoint's API key")]
_Concurrency = Annotated[int | None, typer.Option(min=1, help="the endpoint's open requests",
                                                  show_default="32")]  # fmt: skip
_Timeout = Annotated[float | None, typer.Option(help="seconds for one request to the endpoint",
                                                show_default="600")]  # fmt: skip
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="forget answers that are there")]
_Regrade = Annotated[bool, typer.Option("--regrade", help="grade the answers that are there anew")]
_Json = Annotated[bool, typer.Option("--json", help="print the results as JSON")]


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """What `plumb eval` takes."""

    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|RUN_DIR|URL",
            help="a folder or hub id, a run's folder, or an OpenAI-compatible endpoint",
        ),
    ]
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY.PATH=VALUE]...", help="settings, as plumb train takes them"),
    ] = None
    sets: _Set = None
    formats: _Format = None
    answers: _Answers = None
    limit: _Limit = None
    out: _Out = None
    config: _Config = None
    preset: _Preset = None
    thinking: _Thinking = None
    mode: _Mode = None
    temperature: _Temperature = None
    top_p: _TopP = None
    top_k: _TopK = None
    min_p: _MinP = None
    repetition_penalty: _Penalty = None
    max_tokens: _MaxTokens = None
    max_prompt_tokens: _MaxPrompt = None
    system: _System = None
    template: _Template = None
    verifier: _Verifier = None
    sandbox: _Sandbox = None
    trust: _Trust = None
    judge: _Judge = None
    judge_model: _JudgeModel = None
    judge_key_env: _JudgeKey = None
    rubric: _Rubric = None
    votes: _Votes = None
    loose: _Loose = False
    select: _Select = None
    engines: _Engines = None
    workers: _Workers = None
    seed: _Seed = None
    served_model: _Served = None
    key_env: _Key = None
    concurrency: _Concurrency = None
    timeout: _Timeout = None
    overwrite: _Overwrite = False
    regrade: _Regrade = False
    as_json: _Json = False


@eval_app.command(_RUN, hidden=True)
@takes_options
def run(options: EvalOptions) -> None:
    """Evaluate a model: pass@1 with its interval, pass@k, majority@k, by source and level.

    Prompts are rendered, answered and graded exactly as in training, by vLLM on
    all GPUs or by an endpoint. Files are those of MATH-500, AIME, GSM8K,
    HumanEval, MBPP, LiveCodeBench, BFCL (single turn), IFEval and others as they
    are published (plumb data curate --help lists the formats). Texts without
    verifiable constraints are graded by --judge. A RUN_DIR is evaluated with its
    own verifiers and wording.

    FOLDER gets results.json, answers.parquet (the columns of a run's rollouts)
    and, for each set, answers and verdicts as they come: killed at any time, the
    same command goes on where it was. plumb eval compare A B compares two.

    Examples:

      plumb eval Qwen/Qwen3-8B --set math500=test.jsonl --preset telechat -k 4

      plumb eval runs/mine --set gsm8k=gsm8k.jsonl --set code=HumanEval.jsonl

      plumb eval http://127.0.0.1:8000/v1 --set aime=aime25.jsonl -k 8 \\
        --temperature 0.6

      plumb eval Qwen/Qwen3-8B --set aime=aime25.jsonl -k 8 --temperature 0.6 \\
        --select reward=http://127.0.0.1:8001
    """
    with one_line_errors():
        from launch.evaluate.evaluate import check_graded, evaluate
        from launch.evaluate.table import show_evaluation

        work, found = evaluate(_asked(options), _say)
        show_evaluation(work.out, found, as_json=options.as_json)
        check_graded(work, found)


def _asked(given: EvalOptions) -> "Options":
    """The options as `launch.evaluate` takes them."""
    from launch.evaluate.options import Options, SamplingOptions, ServedOptions
    from launch.verify.uses import TaskOptions

    same: dict[str, Any] = {name: getattr(given, name) for name in _ONE}
    same |= {name: getattr(given, name) or () for name in _SEVERAL}
    return Options(
        target=given.model,
        sampling=_fields(SamplingOptions, given),
        tasks=replace(_fields(TaskOptions, given), loose=given.loose or None),
        served=ServedOptions(given.served_model, given.key_env, given.concurrency, given.timeout),
        **same,
    )


def _fields(kind: type[Part], given: EvalOptions) -> Part:
    """A class whose fields are options of the same names, those that this command has."""
    names = [name for name in kind.__dataclass_fields__ if hasattr(given, name)]
    made: Part = kind(**{name: getattr(given, name) for name in names})
    return made


@eval_app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="the --out folder of a plumb eval")],
    second: Annotated[Path, typer.Argument(metavar="B", help="another, of the same prompts")],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME",
            help="compare this set; repeatable",
            show_default="all, which both must have",
        ),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Compare two evaluations of the same prompts: B - A with its interval, and how sure it is.

    A paired bootstrap over prompts, 10,000 times. Results that were asked other
    prompts are refused; other sampling, k or verifiers are said.

    Examples:

      plumb eval compare evals/start_model evals/mine

      plumb eval compare evals/start_model evals/mine --set gsm8k --json
    """
    with one_line_errors():
        from launch.evaluate import compare as comparing

        one, other = comparing.read_result(first), comparing.read_result(second)
        found = comparing.compare(one, other, sets or ())
        comparing.show_comparison(one, other, found, as_json=as_json)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
