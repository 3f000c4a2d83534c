"""Models that are asked on Plumb's own engines, as others are at endpoints.

Guarantees: prompts are rendered by the model's chat template, as in training; the same question has
the same answers, whatever is asked beside it. All models of a command share one connection to the
cluster, which is made when the first of them is asked, and ended with the last.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from data.asking import Answer
from launch.datasets.identity import model_digest, model_name
from rewards.judge.errors import RefusedError
from rewards.tools import parse_calls
from rl.answering import Answering, answering
from rl.config import RunConfig
from rl.episodes.seeds import seed_of
from rl.errors import ConfigError, ModelError
from rl.hardware import Hardware
from rl.model_path import check_model_path
from rl.tasks import all_of
from rl.tokens import Sampled, Sampling

PROMPT_TOKENS: Final = 8192
"""Most tokens of a question, as far as the model's context has them."""
TOO_LONG: Final = 413
"""The status by which a question that is too long is refused, as an endpoint does."""

Start = Callable[[RunConfig, Hardware], Any]


@dataclass(eq=False)
class Cluster:
    """The connection that models share."""

    config: RunConfig
    _users: int = 0
    _hardware: Hardware | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def enter(self) -> Hardware:
        """Connect, or use the connection that there is."""
        from rl.cluster import connect

        if self._hardware is None:
            self._hardware = self._stack.enter_context(connect(self.config))
        self._users += 1
        return self._hardware

    def leave(self) -> None:
        """Disconnect when nobody is left."""
        self._users -= 1
        if not self._users:
            self._hardware = None
            self._stack.close()


class EngineModel:
    """A `Model` on engines of its own.

    Args:
        config: with the model, its limits and its sampling.
        cluster: shared with other models.
        concurrency: questions that are open at once.
        engines: how many.
        start: makes the engines.
    """

    def __init__(
        self,
        config: RunConfig,
        cluster: Cluster,
        *,
        concurrency: int,
        engines: int = 1,
        start: Start | None = None,
    ) -> None:
        self._config = config
        self._cluster = cluster
        self._concurrency = concurrency
        self._start = start or (
            lambda config, hardware: answering(config, None, hardware=hardware, engines=engines)
        )
        self._stack: AsyncExitStack | None = None
        self._answering: Answering | None = None
        self._starting = asyncio.Lock()
        self._digest = model_digest(config.model.path)

    @property
    def name(self) -> str:
        """The hub id, or the folder's name."""
        return model_name(self._config.model.path)

    @property
    def sampling(self) -> Mapping[str, Any]:
        """Temperature, top_p and limit, and what tells the model's files from others."""
        rollout = self._config.rollout
        said = {"temperature": rollout.temperature, "top_p": rollout.top_p}
        weights = {"weights": self._digest[:16]} if self._digest else {}
        return {**said, "max_tokens": rollout.max_response_tokens, **weights}

    @property
    def concurrency(self) -> int:
        """How many questions are open at once."""
        return self._concurrency

    async def start(self) -> None:
        """Start the engines.

        Raises:
            PlumbError: They do not start; says why.
        """
        async with self._starting:
            if self._answering is not None:
                return
            stack = AsyncExitStack()
            hardware = self._cluster.enter()
            stack.callback(self._cluster.leave)
            try:
                begun = self._start(self._config, hardware)
                self._answering = await stack.enter_async_context(begun)
            except BaseException:
                await stack.aclose()
                raise
            self._stack = stack

    async def aclose(self) -> None:
        """Stop the engines."""
        stack, self._stack, self._answering = self._stack, None, None
        self._starting = asyncio.Lock()  # it may be started again in another event loop
        if stack is not None:
            await stack.aclose()

    async def answer(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        n: int = 1,
        schema: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **sampling: Any,
    ) -> list[Answer]:
        """`n` answers to a chat; without a seed one is made of the question.

        Raises:
            RefusedError: It is too long, or asked for what engines cannot do.
            PlumbError: The engines are lost.
        """
        if schema is not None:
            raise RefusedError("Plumb's own engines do not hold answers to a schema; use --model")
        await self.start()
        assert self._answering is not None
        ids = self._rendered(messages, tools)
        question = json.dumps([list(messages), list(tools)], sort_keys=True, default=str)
        first = seed_of(question) if seed is None else seed
        how = self._how(sampling, bool(tools))
        session = f"{seed_of(question)}"
        fleet = self._answering.fleet
        found = await all_of(
            [
                fleet.sample(ids, Sampling(**how, seed=first + place), session=session)
                for place in range(n)
            ]
        )
        thinking = self._answering.renderer.opened(ids)
        return [_answer(one, tools, thinking) for one in found]

    def _rendered(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> Any:
        assert self._answering is not None
        try:
            ids = self._answering.renderer.start(messages, tools)
        except ModelError as error:
            raise RefusedError(f"the chat template refuses the question: {error}") from error
        limit = self._config.rollout.max_prompt_tokens
        if len(ids) > limit:
            raise RefusedError(
                f"the question has {len(ids)} tokens, and {limit} are allowed", status=TOO_LONG
            )
        return ids

    def _how(self, sampling: Mapping[str, Any], has_tools: bool) -> dict[str, Any]:
        rollout = self._config.rollout
        how: dict[str, Any] = {
            "temperature": rollout.temperature,
            "max_tokens": rollout.max_response_tokens,
            "top_p": rollout.top_p,
            "keep_special": has_tools,
        }
        unknown = sorted(set(sampling) - set(how))
        if unknown:
            raise RefusedError(f"Plumb's own engines are not asked with {unknown[0]}")
        asked = {**how, **sampling}
        return {**asked, "max_tokens": min(asked["max_tokens"], rollout.max_response_tokens)}


def engine_models(
    paths: Sequence[str],
    *,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int = 4096,
    concurrency: int = 32,
    engines: int = 1,
) -> list[EngineModel]:
    """The models of `--engine` options, in order.

    Args:
        paths: folders or hub ids.
        temperature: of all; None: 1.
        top_p: of all; None: 1.
        max_tokens: of one answer.
        concurrency: questions open at once, for each.
        engines: of each.

    Raises:
        PlumbError: a model is not there, or has no room for such answers.
    """
    configs = [_config(path, temperature or 1.0, top_p or 1.0, max_tokens) for path in paths]
    if not configs:
        return []
    cluster = Cluster(configs[0])
    return [EngineModel(one, cluster, concurrency=concurrency, engines=engines) for one in configs]


def _config(path: str, temperature: float, top_p: float, max_tokens: int) -> RunConfig:
    check_model_path(path)
    context = _context(path)
    prompt = PROMPT_TOKENS if context is None else min(PROMPT_TOKENS, context - max_tokens)
    if prompt < 1:
        raise ConfigError(
            f"{path}: has a context of {context} tokens, and answers of {max_tokens} leave no room "
            "for a question: lower --max-tokens"
        )
    return RunConfig.model_validate(
        {
            "model": {"path": path},
            "rollout": {
                "temperature": temperature,
                "top_p": top_p,
                "max_response_tokens": max_tokens,
                "max_prompt_tokens": prompt,
            },
        }
    )


def _context(path: str) -> int | None:
    """The model's longest context; None where only its hub knows."""
    file = Path(path) / "config.json"
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: cannot be read: {error}") from error
    inner = found.get("text_config") or found
    tokens = inner.get("max_position_embeddings")
    return tokens if isinstance(tokens, int) else None


def _answer(sampled: Sampled, tools: Sequence[Mapping[str, Any]], thinking: Any) -> Answer:
    text, fault = sampled.text, ""
    calls: tuple[dict[str, Any], ...] = ()
    if tools:
        parsed = parse_calls(text, tools=tools, thinking=thinking)
        fault = parsed.fault or ""
        calls = tuple({"name": c.name, "arguments": dict(c.arguments)} for c in parsed.calls)
        text = parsed.text if calls else text
    return Answer(
        text=text,
        calls=calls,
        fault=fault,
        stop_reason=sampled.stop,
        tokens=len(sampled.segment.ids),
    )
