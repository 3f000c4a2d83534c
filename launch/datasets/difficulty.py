"""Answers for `plumb data difficulty`: by engines, renderer and verifier of training."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from data.asking.store import AnswerStore
from data.difficulty import ANSWERS, Summary, checked, finished, write_measured
from data.measuring import Ask, Graded, Measurement, Plan, Progress
from data.messages import Wording
from data.parts import described
from data.pipeline.block import Drop
from data.prompt_records import open_records, rows_of
from data.refused import refused
from data.schema import Prompt, Record
from launch.datasets.identity import identity_of, model_name, sampling_of
from launch.datasets.progress import Counting
from launch.train.run import TINY, import_without_torch
from rewards import Verdict
from rewards.types import INFRASTRUCTURE
from rl.answering import Answering, answering
from rl.config import DataConfig, ReadingConfig, RunConfig
from rl.config_file import load_config
from rl.episodes.environment import load_environment
from rl.episodes.lengths import started
from rl.errors import ConfigError, ModelError
from rl.model_path import check_model_path
from rl.rewarding import grading_pool, rubric
from rl.tokens import Episode, Sampling

LOST: Final = frozenset({INFRASTRUCTURE, "node", "pickling"})
"""Kinds of ungradable reasons for which an answer is asked again."""


class UnansweredError(Exception):
    """An answer is not on disk."""


def configured(
    path: Path | None, overrides: Sequence[str], say: Callable[[str], None], source: str = ""
) -> RunConfig:
    """The settings of a measurement, with `model.path` a model's folder or hub id.

    Where a run trains on several sources, `data` reads and words as the entry says whose file
    `source` is, or as the only entry does.

    Raises:
        PlumbError: they are unusable, or the model is not there.
    """
    config = load_config(path, overrides, say=say)
    model = config.model.path
    if model == TINY:
        model = str(config.run_dir / "start_model")
        if not (config.run_dir / "start_model" / "config.json").is_file():
            raise ConfigError(
                f"model.path is {TINY}, which a run makes: give --model, such as "
                "runs/quickstart/start_model"
            )
    check_model_path(model)
    changed = {
        "model": config.model.model_copy(update={"path": model}),
        "data": config.data.model_copy(update=_reading(config.data, source)),
    }
    return config.model_copy(update=changed)


def _reading(data: DataConfig, source: str) -> dict[str, Any]:
    """How the run reads a source, where one of `data.sources` tells it."""
    entries = list(data.sources.values())
    own = [one for one in entries if Path(one.file).resolve() == Path(source).resolve()]
    chosen = own[0] if own else entries[0] if len(entries) == 1 else data
    return {name: getattr(chosen, name) for name in ReadingConfig.model_fields}


@dataclass(frozen=True, slots=True)
class Work:
    """What is measured, and how.

    Attributes:
        source: records, or anything that `load_prompts` reads.
        out: the folder.
        config: from `configured`.
        k: answers a prompt.
        early: stop where the stratum is certain.
        engines: how many; None: as many as there is room for.
    """

    source: str
    out: Path
    config: RunConfig
    k: int
    early: bool
    engines: int | None = None

    def records(self) -> Iterator[Record | Drop]:
        """What is to be measured."""
        grading = rubric(self.config.reward)

        def refusals(records: Sequence[Record]) -> Mapping[int, str]:
            prompts = [prompt_of(record, self.config) for record in records]
            found = refused(prompts, grading, {"response_tokens": 0})
            return {miss.index: miss.verdict.reason for miss in found}

        return checked(open_records(self.source, **_columns(self.config)), refusals)

    def plan(self, places: int) -> Plan:
        """How prompts are measured where so many answers are decoded at once."""
        config = self.config
        return Plan(
            k=self.k,
            early=self.early,
            model=model_name(config.model.path),
            sampling=sampling_of(config),
            open=places,
            max_lost=config.reward.max_ungradable,
        )


def measure(
    work: Work, *, overwrite: bool, show: Callable[[int | None], Counting]
) -> Summary | None:
    """Measure every record of a source; None where the folder holds just that already.

    Args:
        work: what is measured.
        overwrite: replace another data set in the folder.
        show: makes the progress bar for so many records.

    Raises:
        DataError, RewardError, PlumbError: it cannot be done; answers are kept.
    """
    identity = identity_of(work.config)
    settings = {"k": work.k, "early": work.early, **identity}
    if finished(work.out, [work.source], settings, overwrite=overwrite):
        return None
    inputs = described([work.source])
    # What is wrong with these is known before anything is started.
    rubric(work.config.reward)
    load_environment(work.config.env, work.config.episode)
    Wording(work.config.data.system, work.config.data.template)
    total = rows_of(work.source) or _count(work)
    with AnswerStore.open(work.out / ANSWERS, identity) as store, show(total) as bar:

        async def written(ask: Ask, places: int) -> Summary:
            measurement = Measurement(ask, store, work.plan(places))
            return await write_measured(
                work.out,
                work.records(),
                measurement,
                inputs=inputs,
                config=settings,
                k=work.k,
                on_record=lambda: bar.advance(1, note_of(measurement.progress)),
            )

        try:
            return asyncio.run(_measured(work, written, bar))
        except BaseException as error:
            error.add_note(f"{len(store)} answers are kept: the same command goes on there")
            raise


async def _measured(
    work: Work, written: Callable[[Ask, int], Awaitable[Summary]], bar: Counting
) -> Summary:
    """With the answers on disk alone, if these are all; engines take long to start."""
    try:
        return await written(_unanswered, work.config.rollout.max_concurrency)
    except UnansweredError:
        bar.reset()
    import_without_torch()
    pool = grading_pool(work.config.reward)
    async with answering(work.config, pool, engines=work.engines, say=bar.say) as found:
        return await written(Asker(found, work.config), found.places)


async def _unanswered(record: Record, number: int) -> Graded:
    raise UnansweredError


class Asker:
    """Gives graded answers.

    Args:
        answering: what answers.
        config: a run's.
    """

    def __init__(self, answering: Answering, config: RunConfig) -> None:
        assert answering.runner is not None
        self._runner = answering.runner
        self._answering = answering
        self._config = config
        rollout = config.rollout
        self._sampling = Sampling(
            rollout.temperature,
            rollout.max_response_tokens,
            top_p=rollout.top_p,
            top_k=rollout.top_k,
        )

    async def __call__(self, record: Record, number: int) -> Graded:
        """Answer `number` to a record's prompt."""
        prompt = prompt_of(record, self._config)
        try:
            tokens = len(started(self._answering.renderer, prompt))
        except ModelError as error:
            return Graded("refused", reason=f"the chat template refuses it: {error}")
        limit = self._config.rollout.max_prompt_tokens
        if tokens > limit:
            return Graded(
                "refused",
                reason=f"too long: {tokens} tokens, and rollout.max_prompt_tokens is {limit}",
            )
        (episode,), (verdict,) = await self._runner.evaluate(
            prompt,
            1,
            self._sampling,
            self._answering.fleet,
            f"difficulty/{record.id}",
            first=number,
        )
        return _graded(episode, verdict)


def _graded(episode: Episode, verdict: Verdict) -> Graded:
    kind = verdict.reason.partition(":")[0]
    is_gradable = verdict.is_gradable
    return Graded(
        outcome=verdict.outcome.value,
        tokens=episode.sampled,
        cut=episode.end == "length",
        reason="" if is_gradable else verdict.reason,
        is_lost=not is_gradable and kind in LOST,
    )


def prompt_of(record: Record, config: RunConfig) -> Prompt:
    """What training would ask."""
    prompt = record.prompt()
    wording = Wording(config.data.system, config.data.template)
    messages = wording.around(prompt.messages, f"record {record.id!r}")
    return replace(prompt, messages=messages, task=config.data.task or prompt.task)


def note_of(progress: Progress) -> str:
    """How far it is, beside the bar."""
    strata = " ".join(f"{name} {count}" for name, count in sorted(progress.strata.items()))
    lost = f", {progress.lost} lost" if progress.lost else ""
    return f"{progress.asked + progress.known} answers{lost} {strata}".rstrip()


def _count(work: Work) -> int:
    return sum(1 for _ in open_records(work.source, **_columns(work.config)))


def _columns(config: RunConfig) -> Mapping[str, Any]:
    data = config.data
    return {
        "prompt_column": data.prompt_column,
        "reference_column": data.reference_column,
        "reference_pattern": data.reference_pattern,
        "tools_column": data.tools_column,
        "task_column": data.task_column,
        "task": data.task,
    }
