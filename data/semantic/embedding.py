"""Embeddings of texts by an OpenAI-compatible endpoint, each asked for once.

Guarantees: those of `rewards.judge.client` for outages and limits; a vector that came is on disk
before the next question, so that a killed run goes on there. Texts that the endpoint refuses, such
as too long ones, are kept as having no vector.
"""

import asyncio
import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from pydantic import Field

from data.asking.asking import OF_THE_QUESTION
from data.asking.store import AnswerStore
from data.errors import AnswersError
from rewards.errors import RewardError
from rewards.judge.client import EndpointClient
from rewards.judge.endpoint import Endpoint
from rewards.judge.errors import RefusedError
from rewards.judge.replies import TransientError
from rewards.judge.settings import EndpointSettings

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

BATCH: Final = 64
"""Texts of one request."""


class EmbeddingSettings(EndpointSettings):
    """Where an embedding model is."""

    called: ClassVar[str] = "the embedding model"
    names_model: ClassVar[str] = "--embeddings NAME=URL"

    concurrency: int = Field(default=8, ge=1)
    max_chars: int = Field(default=8000, ge=1)
    """Characters of a text that are embedded."""


class EmbeddingEndpoint(Endpoint):
    """An endpoint that is asked for vectors."""

    async def embed(self, texts: Sequence[str]) -> "list[list[float]]":
        """A vector for each text.

        Raises:
            TransientError: There are none this time.
            RefusedError: There will be none.
        """
        await self.identify()
        return await self._vectors(texts)

    async def _vectors(self, texts: Sequence[str]) -> "list[list[float]]":
        call = self._opened().embeddings.create(
            model=self._model,
            input=list(texts),
            encoding_format="float",
            extra_body=self._settings.extra or None,
        )
        page = await self._answer(call)
        try:
            given = sorted(page.data, key=lambda one: one.index)
            numbers, found = [one.index for one in given], [one.embedding for one in given]
        except (AttributeError, TypeError) as error:
            raise RefusedError(f"{self.name}: answers, but with no embeddings") from error
        if len(found) != len(texts):
            raise TransientError(f"{self.name}: {len(found)} vectors for {len(texts)} texts")
        if numbers != list(range(len(texts))):
            raise RefusedError(f"{self.name}: does not say which vector is of which text")
        if not all(_is_vector(one) for one in found):
            raise RefusedError(f"{self.name}: gives vectors that are no finite numbers, or all 0")
        return found

    async def _try_out(self) -> None:
        await self._vectors(["1"])


def _is_vector(given: Any) -> bool:
    """Whether it is a direction: finite numbers, not all of them 0."""
    return (
        isinstance(given, list)
        and all(type(one) in (int, float) and math.isfinite(one) for one in given)
        and any(given)
    )


def key_of(text: str) -> str:
    """The name of a text's vector in a store."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def vector_in(store: AnswerStore, text: str) -> "NDArray[numpy.float32] | None":
    """The vector of a text, of length 1; None where it was refused."""
    import numpy as np

    held = store.get(key_of(text))
    if held is None:
        return None
    return np.frombuffer(base64.b64decode(held), "<f2").astype(np.float32)


async def embed_all(
    store: AnswerStore,
    settings: EmbeddingSettings,
    texts: Iterable[str],
    on_text: Callable[[int], None] = lambda number: None,
) -> None:
    """Have every text's vector in the store.

    Args:
        store: where they are, and get.
        settings: who is asked; nobody where all are there.
        texts: as they are embedded.
        on_text: told of how many more are done.

    Raises:
        AnswersError: the endpoint is away or refuses everything; says how far it came.
        DataError: a text cannot be read, or its vector not be kept.
    """
    key = settings.api_key()
    client = EndpointClient(
        settings, [EmbeddingEndpoint(url, key, settings) for url in settings.urls]
    )
    batches = _batches(store, texts, on_text)

    async def work() -> None:
        for batch in batches:
            for text, vector in zip(batch, await _embedded(client, batch), strict=True):
                await store.put(key_of(text), vector)
            on_text(len(batch))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(settings.concurrency):
                group.create_task(work())
    except BaseExceptionGroup as failures:
        first: BaseException = failures
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        if not isinstance(first, RewardError):
            raise first from None  # of the texts, or of the store, which say what is wrong
        raise AnswersError(
            f"{first}; {len(store)} vectors are kept in {store.path}: run the command again, and "
            "it goes on there"
        ) from first
    finally:
        await client.aclose()


def _batches(
    store: AnswerStore, texts: Iterable[str], on_text: Callable[[int], None]
) -> Iterator[list[str]]:
    """Texts that have no vector yet, each once."""
    begun: set[str] = set()

    def missing() -> Iterator[str]:
        for text in texts:
            key = key_of(text)
            if key in begun or key in store:
                on_text(1)
                continue
            begun.add(key)
            yield text

    waiting = missing()
    while batch := list(islice(waiting, BATCH)):
        yield batch


async def _embedded(client: EndpointClient, batch: Sequence[str]) -> list[str | None]:
    """The vectors of a batch as a store keeps them; where it is refused, one by one."""
    try:
        return [_packed(one) for one in await _asked(client, batch)]
    except RefusedError as error:
        if error.status not in OF_THE_QUESTION:
            raise
    found: list[str | None] = []
    refusals = []
    for text in batch:
        try:
            found.append(_packed((await _asked(client, [text]))[0]))
        except RefusedError as error:
            refusals.append(error)
            found.append(None)
    if len(refusals) == len(batch):
        raise refusals[0]
    return found


async def _asked(client: EndpointClient, texts: Sequence[str]) -> "list[list[float]]":
    return await client.call(lambda endpoint: cast(EmbeddingEndpoint, endpoint).embed(texts))


def _packed(vector: Sequence[float]) -> str:
    """A vector, made to be of length 1, in half precision."""
    import numpy as np

    values: Any = np.asarray(vector, np.float64)
    values /= np.abs(values).max()  # or the squares of large ones overflow
    values /= np.linalg.norm(values)
    return base64.b64encode(values.astype("<f2").tobytes()).decode()
