"""`plumb judge`: how far a judge can be trusted.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors

judge_app = typer.Typer(no_args_is_help=True, help="Measure a language model that grades answers.")


@judge_app.callback()
def root() -> None:
    """Keeps the help of the whole command apart from that of its parts."""


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions:
    """What `plumb judge calibrate` takes."""

    source: Annotated[
        str,
        typer.Argument(
            metavar="LABELLED.jsonl", help="labelled answers, one JSON object a line; - for stdin"
        ),
    ]
    url: Annotated[
        list[str],
        typer.Option(help="base URL of an OpenAI-compatible endpoint; may be given several times"),
    ]
    model: Annotated[
        str | None, typer.Option(help="the model's name there", show_default="its only one")
    ] = None
    api_key_env: Annotated[
        str | None, typer.Option(help="environment variable with the API key")
    ] = None
    rubric: Annotated[str, typer.Option(help="a built-in rubric or a rubric file, for answers")] = (
        "four-factors"
    )
    pair_rubric: Annotated[
        str, typer.Option(help="a built-in rubric or a rubric file, for pairs")
    ] = "pairwise"
    votes: Annotated[int, typer.Option(min=1, max=99, help="grades of each answer")] = 1
    temperature: Annotated[
        float | None,
        typer.Option(min=0, max=2, help="of the judge", show_default="0, or 0.7 for several votes"),
    ] = None
    max_tokens: Annotated[int, typer.Option(min=1, help="tokens of one reply")] = 1024
    concurrency: Annotated[int, typer.Option(min=1, help="requests that are open at once")] = 32
    requests_per_minute: Annotated[
        float | None,
        typer.Option(min=0.001, help="most requests a minute", show_default="no limit"),
    ] = None
    timeout: Annotated[float, typer.Option(min=0.001, help="seconds for one request")] = 120.0
    patience: Annotated[
        float, typer.Option(min=0, help="seconds for which an outage is waited out")
    ] = 120.0
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="folder in which grades are kept")
    ] = None
    plot: Annotated[
        Path | None,
        typer.Option(metavar="OUT.html", help="write a page with plots that needs nothing else"),
    ] = None


@judge_app.command()
@takes_options
def calibrate(options: CalibrateOptions) -> None:
    """Compare a judge with labels: agreement, and bias by length and position.

    A row is an answer with the right score on the rubric's scale, or a pair of
    answers with the better one, which is shown in both orders. A file may hold both:

      {"id", "messages", "response", "reference"?, "label": 7}

      {"id", "messages", "first", "second", "reference"?, "label": "first"}

    What the numbers say:

      Pearson, Spearman   1: the judge orders answers as the labels do

      kappa               at the threshold, beyond chance: 0.6 is good, 0.2 is not

      mean error          above 0: the judge is lenient

      length              points that twice the length earns; should be near 0

      votes               standard deviation of an answer's votes (--votes 3)

      first preferred     choices for what is shown first; should be near 50%

    Rows that the judge could not grade are counted apart. Ends with code 1 if no
    row was graded.

    Examples:

      plumb judge calibrate labelled.jsonl --url http://host:8000/v1 --votes 5

      plumb judge calibrate rows.jsonl --url http://host:8000/v1 --plot judge.html
    """
    with one_line_errors():
        _calibrate(options)


def _calibrate(options: CalibrateOptions) -> None:
    from launch.judge.calibrate import calibrate as run_calibration
    from launch.judge.calibrate import judge_settings

    settings = judge_settings(
        url=tuple(options.url),
        model=options.model,
        api_key_env=options.api_key_env,
        rubric=options.rubric,
        pair_rubric=options.pair_rubric,
        votes=options.votes,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
        concurrency=options.concurrency,
        requests_per_minute=options.requests_per_minute,
        timeout=options.timeout,
        patience=options.patience,
        cache=options.cache,
    )
    if not run_calibration(options.source, settings, options.plot):
        sys.exit(1)
