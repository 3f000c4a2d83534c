"""A trainer with real parts, and fakes of what needs a cluster: engines, learner and publisher.

Engines and learner take virtual time (tests/virtual_time.py), so that what overlaps is drawn by a
test and not by the machine. The weights are a digest of everything that was trained on, in order.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from pyarrow import parquet

from data.schema import Prompt, PromptSource
from data.stream import PromptStream
from rewards import Sample, Verdict
from rewards.grading.running import Pool
from rl.checkpoint import Checkpoint
from rl.checkpoint_keeping import store_of
from rl.config import CanaryConfig, RunConfig
from rl.dispatch.admission import admission_of
from rl.dispatch.build import make_dispatcher
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.episodes.single_turn import SingleTurn
from rl.errors import EngineError, LearnerLostError
from rl.evaluation import Evaluations
from rl.evaluation_sets import evaluation_sets
from rl.groups import Group
from rl.guards.watch import guards_of
from rl.learn.shares import Share
from rl.manifest import Manifest, manifest_of
from rl.recorder import Recorder
from rl.sinks import read_metrics
from rl.tokens import Ids, Policy, Sampled, Sampling, Segment, Span, Stop
from rl.trainer import Trainer
from rl.trainer_parts import Parts
from rl.versions import Versions
from rl.weights import canary
from rl.weights.publisher import SyncStats
from tests.rl import templates
from tests.rl.scripted import small_tokenizer

PROMPTS = [Prompt(f"p{i}", ({"role": "user", "content": "?"},), "1", "sums") for i in range(200)]
HELD_OUT = [Prompt(f"e{i}", ({"role": "user", "content": "!"},), "1") for i in range(4)]
TOKENIZER = small_tokenizer(templates.KEEPS)

Seconds = Callable[[str], float]
"""Virtual seconds of a request, by its session: a group's index, or an evaluation's prompt."""


def draw(*of: object) -> int:
    """A number below 2**31 that depends on `of` alone."""
    return int.from_bytes(hashlib.sha256(repr(of).encode()).digest()[:4], "big") >> 1


def uneven(session: str) -> float:
    """Requests of one group take from 1 to 9 s."""
    return 1.0 + draw(session) % 9


class Engines:
    """A fleet: two tokens an answer, the first and the last of its time, each with its version.

    A test may want more of them.
    """

    def __init__(self, engines: int, seconds: Seconds) -> None:
        self.versions = [0] * engines
        self.leased = 0
        self.away = 0
        """Engines that are being started again."""
        self.asked: list[tuple[str, int]] = []
        """Session and version, in the order of the requests."""
        self.fails: dict[str, Exception] = {}
        """What a request of this session meets."""
        self.hooks: dict[str, Callable[[], None]] = {}
        """Called once, at the first request of this session."""
        self.answer: Callable[[int], tuple[int, Stop]] = lambda version: (2, "stop")
        """By version: how many tokens an answer has, and how it ends."""
        self.live = 0
        self.answered = 0
        self.tokens_lost = 0
        self._seconds = seconds

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        return await self._sample(0, how, session)

    @asynccontextmanager
    async def lease(self, engines: int = 1) -> AsyncIterator[Policy]:
        if len(self.versions) < 2:
            raise EngineError("no engine would be left")
        self.leased += 1
        try:
            yield cast(
                Any,
                SimpleNamespace(
                    sample=lambda context, how, *, session: self._sample(1, how, session)
                ),
            )
        finally:
            self.leased -= 1
            self.versions[1] = self.versions[0]

    def spare(self) -> int:
        return len(self.versions) - self.leased - 1 - self.away

    def free_groups(self, samples: int) -> float:
        return (64 - self.live) / samples

    def idle_share(self) -> float:
        return 0.25

    def trained(self) -> list[str]:
        """The groups that were asked for, each once, in their order."""
        return list(dict.fromkeys(name for name, _ in self.asked if name.isdecimal()))

    async def _sample(self, engine: int, how: Sampling, session: str) -> Sampled:
        first = self.versions[engine]
        self.asked.append((session, first))
        if hook := self.hooks.pop(session, None):
            hook()
        if session in self.fails:
            raise self.fails[session]
        self.live += 1
        try:
            await asyncio.sleep(self._seconds(session))
        finally:
            self.live -= 1
        self.answered += 1
        last = self.versions[engine]
        size, stop = self.answer(last)
        ids = np.full(size, draw(how.seed, last) % 300, np.int32)
        ids[0] = draw(how.seed, first) % 300
        spans = (Span(size, first),) if first == last else (Span(1, first), Span(size - 1, last))
        segment = Segment(ids, np.full(size, -0.5, np.float32), spans)
        return Sampled(segment, stop, f"{ids.tolist()}")


class Learner:
    """Its weights are a digest; a test may look in, fail or hold it up at a step."""

    def __init__(self, seconds: float) -> None:
        self.steps: list[int] = []
        self.weights = 0
        self.batches: dict[int, list[tuple[int, int]]] = {}
        """By step: group index and position of each of its episodes."""
        self.before: Callable[[int], Any] = lambda step: None
        """Called as a step begins; what it returns is awaited, if it can be."""
        self.noted = ""
        self.saving: Callable[[], Any] = lambda: None
        """Called as a checkpoint is written; what it returns is awaited, if it can be."""
        self.metrics: Callable[[int], Mapping[str, Any]] = lambda step: {}
        """Further numbers of a step."""
        self.status = ""
        self.dead = asyncio.Event()
        self.restarts = 0
        self.start_fails: list[str] = []
        self._seconds = seconds

    async def train(
        self, shares: Sequence[Share], step: int, version: int
    ) -> tuple[dict[str, Any], dict[tuple[int, int], float]]:
        assert version == step - 1
        if (waiting := self.before(step)) is not None:
            await waiting
        await asyncio.sleep(self._seconds)
        (share,) = shares
        members = [(int(group), int(i)) for group, i in share.members]
        self.batches[step] = members
        self.weights = draw(self.weights, members, share.tokens.ids.tobytes())
        self.steps.append(step)
        lags = version - share.tokens.versions[share.tokens.mask]
        metrics = {
            "loss": 0.0,
            "lag_mean": float(lags.mean()),
            "lag_max": int(lags.max()),
            "tokens": {"trained": len(lags)},
            **self.metrics(step),
        }
        return metrics, dict.fromkeys(members, 0.5)

    async def lost(self) -> None:
        await self.dead.wait()
        raise LearnerLostError("learner rank 0 died while it had nothing to do")

    async def restart(self) -> None:
        await asyncio.sleep(3)
        if self.start_fails:
            raise LearnerLostError(f"learner rank 0 died while starting: {self.start_fails.pop()}")
        self.restarts += 1
        self.dead.clear()
        self.steps, self.weights, self.batches = [], 0, {}

    async def snapshot(self, *, copy: bool) -> None:
        self.noted = json.dumps([self.steps, self.weights])

    async def write(self, folder: Path) -> Manifest:
        noted = self.noted
        if (waiting := self.saving()) is not None:
            await waiting
        (folder / "state.json").write_text(noted)
        return manifest_of(folder)

    async def load(self, checkpoint: Checkpoint) -> None:
        self.steps, self.weights = json.loads((checkpoint.learner / "state.json").read_text())
        assert len(self.steps) == checkpoint.step


class Publisher:
    """Brings versions to engines that are not leased; the update to a version may fail."""

    def __init__(self, engines: Engines) -> None:
        self.sent: list[int] = []
        self.fails: dict[int, Exception] = {}
        self.gap: Callable[[int], float] = lambda version: 1e-3
        """The canary's."""
        self.connected = True
        self.waits = ""
        self._engines = engines

    def disconnect(self) -> None:
        self.connected = False

    async def reconnect(self) -> None:
        self.connected = True

    async def send(self, version: int) -> SyncStats:
        assert self.connected
        if version in self.fails:
            raise self.fails[version]
        self.sent.append(version)
        free = len(self._engines.versions) - self._engines.leased
        self._engines.versions[:free] = [version] * free
        gap = self.gap(version)
        found = canary.judge(gap, "engine 0", version, CanaryConfig())
        return SyncStats(0.1, 0.1, gap, findings=(found,) if found is not None else ())


class World:
    """One process of a run.

    Args:
        run_dir: the run directory; what it holds is gone on from.
        seconds: of a request.
        learn: seconds of a training step.
        held_out: prompts of the set `held_out`.
        source: training prompts in order; none: one epoch of `PROMPTS`.
        pool: grades; none: the first answer of each group is right.
        sections: settings, by section.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        seconds: Seconds = uneven,
        learn: float = 5.0,
        held_out: Sequence[Prompt] = HELD_OUT,
        source: PromptSource | None = None,
        pool: Pool | None = None,
        **sections: Mapping[str, Any],
    ) -> None:
        self.config = _config(run_dir, sections)
        run_dir.mkdir(exist_ok=True)
        self.store = store_of(self.config)
        self.checkpoint = self.store.newest(self.config)
        self.engines = Engines(self.config.rollout.engines, seconds)
        self.learner = Learner(learn)
        self.publisher = Publisher(self.engines)
        self.useless: Callable[[str], bool] = lambda prompt: False
        """Of which prompts every answer is wrong."""
        self.rows: list[Mapping[str, Any]] = []
        self.said: list[str] = []
        self.graders_fail: Exception | None = None
        self.reward: Callable[[int], float] = lambda step: 1.0
        """Of a right answer, once so many steps are trained."""
        source = source or PromptStream(PROMPTS, seed=0, epochs=1)
        self._versions = Versions()
        self._held_out, self._source, self._pool = held_out, source, pool
        self.parts = self._parts(self.checkpoint.step if self.checkpoint else -1)
        self.dispatcher = self.parts.dispatcher
        self.trainer = Trainer(
            self.config, self.parts, on_step=self.rows.append, say=self.said.append
        )

    async def run(self) -> None:
        if self.checkpoint is not None:
            await self.trainer.restore(self.checkpoint)
        try:
            await self.trainer.run()
        finally:
            self.recorder.close()

    def written(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        return read_metrics(self.config.run_dir / "metrics.jsonl")

    def steps(self) -> list[dict[str, Any]]:
        """Those of training steps."""
        return [row for row in self.written() if row["step"] > 0]

    def episodes(self, step: int) -> list[dict[str, Any]]:
        """The rows of a step's rollouts."""
        path = self.config.run_dir / "rollouts" / f"step_{step:06d}.parquet"
        return cast(list[dict[str, Any]], parquet.read_table(path).to_pylist())

    def tokens(self, step: int) -> list[dict[str, Any]]:
        """The tokens of a step's rollouts."""
        path = self.config.run_dir / "rollouts" / f"step_{step:06d}.tokens.parquet"
        return cast(list[dict[str, Any]], parquet.read_table(path).to_pylist())

    async def _grade(self, sample: Sample) -> Verdict:
        if self.graders_fail is not None:
            raise self.graders_fail
        if self._pool is not None:
            return (await self._pool.grade([sample]))[0]
        prompt, _, position = sample.id.partition("#")
        if position == "0" and not self.useless(prompt):
            return Verdict.correct(self.reward(len(self.learner.steps)), passed=1.0)
        return Verdict.incorrect(0.0, passed=0.0)

    async def _grade_all(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [await self._grade(sample) for sample in samples]

    def _again(self, last_step: int) -> Parts:
        self.recorder.close()
        self.parts = self._parts(last_step)
        self.dispatcher = self.parts.dispatcher
        return self.parts

    def _parts(self, last_step: int) -> Parts:
        config, versions = self.config, self._versions
        recorder = self.recorder = Recorder(config.run_dir, last_step=last_step)
        pool = self._pool or cast(
            Any, SimpleNamespace(pending=list, take_slowest=list, grade=self._grade_all)
        )
        guards = guards_of(config, recorder, pool, say=self.said.append)

        def ended(group: Group, ending: str) -> None:
            recorder.ended(group, ending)
            guards.ended(group, ending)

        runner = GroupRunner(
            Renderer(TOKENIZER), cast(Any, self.engines), self._grade, SingleTurn, config
        )
        dispatcher = make_dispatcher(
            config.sampler,
            self._source,
            runner.run,
            admission_of(config.sampler.filter),
            version=lambda: versions.current,
            free=lambda: self.engines.free_groups(config.sampler.samples_per_prompt),
            ended=ended,
        )
        evaluations = Evaluations(
            config,
            evaluation_sets(config, self._held_out, {}),
            runner=runner,
            fleet=cast(Any, self.engines),
            versions=versions,
            recorder=recorder,
            say=self.said.append,
            told=guards.evaluated,
        )
        return Parts(
            dispatcher=dispatcher,
            fleet=cast(Any, self.engines),
            learner=cast(Any, self.learner),
            publisher=cast(Any, self.publisher),
            versions=versions,
            evaluations=evaluations,
            pool=pool,
            store=self.store,
            recorder=recorder,
            guards=guards,
            again=self._again,
        )


def _config(run_dir: Path, sections: Mapping[str, Mapping[str, Any]]) -> RunConfig:
    settings: dict[str, Any] = {
        "run_dir": str(run_dir),
        "sampler": {"prompts_per_step": 4, "samples_per_prompt": 2},
        "rollout": {"max_prompt_tokens": 64, "max_response_tokens": 8},
        "train": {"steps": 5, "eval_every": 2, "checkpoint_every": 0},
    }
    for name, section in sections.items():
        settings[name] = {**settings.get(name, {}), **section}
    return RunConfig.model_validate(settings)
