"""`plumb data forecast`: what a run on measured data will need."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.forecast import Population
    from data.forecast_cost import Cluster, Measured
    from data.forecast_run import Plan


@dataclass(frozen=True, kw_only=True)
class ForecastOptions:
    """What `plumb data forecast` takes."""

    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="measured records, such as those of a mix"),
    ]
    config: Annotated[
        Path | None, typer.Option(help="a training run's YAML config: batch, group, lag, steps")
    ] = None
    prior: Annotated[
        list[str] | None,
        typer.Option(
            help="what the records were chosen from, where pass rates decided; may be repeated"
        ),
    ] = None
    batch: Annotated[
        int | None, typer.Option(help="groups a step", show_default="the config's, or 128")
    ] = None
    group: Annotated[
        int | None, typer.Option(help="answers a prompt", show_default="the config's, or 16")
    ] = None
    max_lag: Annotated[int | None, typer.Option(show_default="the config's, or 0")] = None
    oversampling: Annotated[
        float | None, typer.Option(help="sampler.max_oversampling", show_default="the config's")
    ] = None
    steps: Annotated[
        int | None, typer.Option(help="training steps", show_default="the config's, or 200")
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(help="passes over the data", show_default="as many as the steps need"),
    ] = None
    path: Annotated[
        str | None,
        typer.Option(
            metavar="STEP:RATE,...",
            help="how the mean pass rate rises, such as 0:0.3,100:0.7",
            show_default="it stays",
        ),
    ] = None
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN_DIR", help="a run whose speeds and lengths of answers count"),
    ] = None
    response_tokens: Annotated[
        float | None,
        typer.Option(help="tokens of an answer", show_default="as difficulty measured them"),
    ] = None
    gpus: Annotated[float | None, typer.Option(help="of engines and learner together")] = None
    engines: Annotated[
        int | None, typer.Option(help="vLLM engines", show_default="the run's, or half the GPUs")
    ] = None
    tokens_per_second: Annotated[
        float | None, typer.Option(help="of one engine under load", show_default="the run's")
    ] = None
    learner_tokens_per_second: Annotated[
        float | None,
        typer.Option(help="that the learner trains on", show_default="the run's"),
    ] = None
    fixed_seconds: Annotated[
        float | None, typer.Option(help="of a step beside both", show_default="the run's, or 0")
    ] = None
    out: Annotated[Path, typer.Option(metavar="PAGE.html", help="where the charts go")] = Path(
        "forecast.html"
    )
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="every step and group size, as JSON"),
    ] = None


@takes_options
def forecast(options: ForecastOptions) -> None:
    """Foretell what a run on measured data needs.

    From how often the model was right on each prompt: which share of the prompts
    teaches something, prompts and tokens a step, how long the data lasts, hours
    and GPU-hours, how all of it changes as the model improves along --path, and
    which group size makes the best use of the data. Along a path acceptance lies
    between two ways to improve: all log odds rise alike, or of every prompt's
    failures the same share goes; what counts is halfway.

    A mix was chosen by pass rates: name what it was chosen from as --prior, or
    luck counts as skill. Speeds are those of --run, or as described.

    Examples:

      plumb data forecast mix/ --prior measured/ --config run.yaml

      plumb data forecast mix/ --prior measured/ --config run.yaml \\
        --run runs/first --gpus 8 --path 0:0.3,200:0.7

      plumb data forecast mix/ --gpus 16 --engines 8 --tokens-per-second 2500 \\
        --learner-tokens-per-second 12000
    """
    with one_line_errors():
        _forecast(options)


def _forecast(options: ForecastOptions) -> None:
    from data.forecast import Path as Course
    from data.forecast_cost import measured
    from data.forecast_run import best_group_size, group_sizes
    from data.forecast_run import forecast as foretell
    from launch.datasets.forecast_page import write_forecast
    from launch.datasets.forecast_shown import show_run, show_sizes, write_json

    seen = None if options.run is None else measured(options.run)
    found, prompts, tokens = _population(options.sources, options.prior or ())
    response_tokens = options.response_tokens
    if response_tokens is None:
        response_tokens = tokens if tokens is not None or seen is None else seen.response_tokens
    plan = _plan(
        options.config,
        prompts,
        response_tokens,
        batch=options.batch,
        group=options.group,
        max_lag=options.max_lag,
        oversampling=options.oversampling,
        steps=options.steps,
        epochs=options.epochs,
    )
    cluster = _cluster(
        seen,
        options.gpus,
        options.engines,
        options.tokens_per_second,
        options.learner_tokens_per_second,
        options.fixed_seconds,
    )
    course = None if options.path is None else Course.parse(options.path)
    told = foretell(found, plan, course, cluster)
    sizes = group_sizes(found, plan)
    best = best_group_size(sizes, plan.steps, plan.epochs)
    show_run(told, plan, found.pass_rate, cluster)
    show_sizes(sizes, best, plan)
    write_forecast(
        options.out, name=", ".join(options.sources), found=found, plan=plan, told=told,
        sizes=sizes, best=best, cluster=cluster, course=course,
    )  # fmt: skip
    print(f"charts: {options.out}")
    if options.json_file is not None:
        write_json(options.json_file, told, sizes, best)
        print(f"numbers: {options.json_file}")
    print(f"next: plumb train CONFIG data.train={options.sources[0]}")


def _population(
    sources: Sequence[str], prior: Sequence[str]
) -> "tuple[Population, int, float | None]":
    """What is known of the prompts, how many they are, and their answers' tokens."""
    from data.forecast import Evidence, population
    from data.measuring import response_tokens
    from data.prompt_records import open_records
    from launch.datasets.progress import Counting

    counts: list[tuple[int, int]] = []
    lengths: list[float] = []
    unmeasured = 0
    with Counting("reading records") as bar:
        for source in sources:
            for record in open_records(source):
                bar.advance()
                if record.pass_rate is None:
                    unmeasured += 1
                    continue
                counts.append((record.pass_rate.k, record.pass_rate.correct))
                tokens = response_tokens([record])
                lengths += [] if tokens is None else [tokens]
        before = [record for source in prior for record in open_records(source)]
    if unmeasured:
        print(
            f"{unmeasured} of {unmeasured + len(counts)} records have no pass rate: they are taken "
            "to be like the others"
        )
    evidence = Evidence.of_counts(counts)
    found = population(evidence, Evidence.of_records(before) if prior else None)
    mean = sum(lengths) / len(lengths) if lengths else None
    return found, len(counts) + unmeasured, mean


def _plan(config: Path | None, prompts: int, response_tokens: float | None, **given: Any) -> "Plan":
    """What is planned: by options, else by the config, else by its defaults."""
    from data.forecast_run import Plan
    from rl.config_file import load_config

    settings = load_config(config)
    sampler = settings.sampler
    by_config = {
        "batch": sampler.prompts_per_step,
        "group": sampler.samples_per_prompt,
        "max_lag": sampler.max_lag,
        "oversampling": sampler.max_oversampling,
        "steps": settings.train.steps,
        "epochs": settings.data.epochs,
    }
    said = {name: value for name, value in given.items() if value is not None}
    return Plan(prompts=prompts, response_tokens=response_tokens, **{**by_config, **said})


def _cluster(
    seen: "Measured | None",
    gpus: float | None,
    engines: int | None,
    engine_speed: float | None,
    learner_speed: float | None,
    fixed: float | None,
) -> "Cluster | None":
    """What the run has; None where nothing of it is known.

    Raises:
        ForecastError: some of it is known, and not enough.
    """
    from data.errors import ForecastError
    from data.forecast_cost import Cluster

    if seen is not None:
        engines = engines or seen.engines
        engine_speed = engine_speed or seen.engine_speed
        learner_speed = learner_speed or seen.learner_speed
        fixed = seen.fixed if fixed is None else fixed
    if not any((seen, gpus, engines, engine_speed, learner_speed)):
        return None
    lacking = [
        name
        for name, value in (
            ("--tokens-per-second", engine_speed),
            ("--learner-tokens-per-second", learner_speed),
        )
        if value is None
    ]
    if lacking:
        raise ForecastError(
            f"the cluster is not described: give {' and '.join(lacking)}, or a --run to measure"
        )
    number = engines or max(1, int((gpus or 1) // 2))
    assert engine_speed is not None
    assert learner_speed is not None
    return Cluster(gpus or number + 1, number, engine_speed, learner_speed, fixed or 0.0)
