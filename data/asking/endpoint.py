"""A model behind an OpenAI-compatible endpoint, or behind several that serve the same.

Guarantees: those of `rewards.judge.client`: outages shorter than `patience` cost nothing,
`Retry-After` is kept to, no key is ever shown. Where an endpoint gives fewer answers at once than
were asked for, it is asked again until all are there. What it does not take of the protocol is left
out and said once, as a warning.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from data.asking.answers import Answer
from data.asking.wire import Offer, answer_of, wire_messages
from rewards.judge.client import EndpointClient
from rewards.judge.endpoint import Endpoint
from rewards.judge.replies import Request
from rewards.judge.settings import EndpointSettings


class ModelSettings(EndpointSettings):
    """Where a model is and how it samples."""

    called: ClassVar[str] = "the model"
    names_model: ClassVar[str] = "--model NAME=URL"

    top_p: float | None = Field(default=None, gt=0, le=1)
    """None: the endpoint's own."""
    max_tokens: int = Field(default=4096, ge=1)
    """Tokens of one answer."""
    timeout: float = Field(default=600.0, gt=0)
    """Seconds for one request."""


class EndpointModel:
    """A `Model` that is asked over HTTP.

    Args:
        settings: Where it is and how it samples; at least one url.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._client: EndpointClient | None = None
        self._starting = asyncio.Lock()
        self._served = ""

    @property
    def name(self) -> str:
        """The model's name at the endpoint; before `start`, where none is given, the address."""
        return self._settings.model or self._served or " ".join(self._settings.urls)

    @property
    def sampling(self) -> Mapping[str, Any]:
        """Temperature, top_p and limit; what the endpoint decides itself is left out."""
        settings = self._settings
        named = {"temperature": settings.temperature, "top_p": settings.top_p}
        said = {name: value for name, value in named.items() if value is not None}
        return {**said, "max_tokens": settings.max_tokens, **settings.extra}

    @property
    def concurrency(self) -> int:
        """How many questions are open at once."""
        return self._settings.concurrency

    async def start(self) -> None:
        """See that the endpoint answers and serves the model.

        Raises:
            PoolError: It does not; says which and why.
        """
        if self._client is not None:
            return
        async with self._starting:
            if self._client is not None:
                return
            key = self._settings.api_key()
            urls = self._settings.urls
            client = EndpointClient(
                self._settings, [Endpoint(url, key, self._settings) for url in urls]
            )
            try:
                await client.start()
            except BaseException:
                await client.aclose()
                raise
            self._client = client
            self._served = client.identity.partition("=")[0]

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        self._starting = asyncio.Lock()  # it may be started again in another event loop
        if client is not None:
            await client.aclose()

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
        """`n` answers to a chat.

        Raises:
            InfrastructureError: The endpoint is away for longer than `patience`.
            RefusedError: It will not answer this.
            ToolsError: A declaration cannot be sent.
        """
        await self.start()
        assert self._client is not None
        offer = Offer(tools)
        chat = wire_messages(messages, offer)
        named = {} if self._settings.top_p is None else {"top_p": self._settings.top_p}
        answers: list[Answer] = []
        while len(answers) < n:
            rest = n - len(answers)
            fields = {**named, **sampling}
            if rest > 1:
                fields["n"] = rest
            if seed is not None:
                fields["seed"] = seed + len(answers)  # equal seeds would give equal answers
            reply = await self._client.ask(Request(chat, schema, offer.tools, fields))
            choices = reply.choices[:rest]
            tokens = reply.output_tokens // len(reply.choices)
            answers += [answer_of(choice, offer, tokens) for choice in choices]
        return answers
