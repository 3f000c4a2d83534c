"""A reward model behind `vllm serve MODEL --runner pooling`: how good an answer is, as one number.

Guarantees: asked by the `openai` client, with a deadline for each request and tries again with
growing pauses; what stays away is one error with the address. An answer that alone is refused, as
one that is too long for the model, is an error of its own. A sequence of numbers, as process
reward models give, counts by its last one; of a classifier's several logits the last is that of the
better class.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from data.asking.asking import OF_THE_QUESTION
from rewards import InfrastructureError, Sample
from rewards.thinking import final_part

if TYPE_CHECKING:
    from openai import AsyncOpenAI

TIMEOUT: Final = 120.0
"""Seconds for one request."""
RETRIES: Final = 6
"""Tries after the first, with pauses of up to 8 s."""


class RefusedError(InfrastructureError):
    """The model refuses a request, which may be for its answer alone."""


class RewardModel:
    """Asks vLLM's `/pooling`.

    Args:
        urls: base URLs, with or without `/v1`; requests are spread over them.
        concurrency: requests that are open at once.
    """

    def __init__(self, urls: tuple[str, ...], *, concurrency: int = 32) -> None:
        self._urls = [url.rstrip("/").removesuffix("/v1") for url in urls]
        self._gate = asyncio.Semaphore(concurrency)
        self._clients: list[AsyncOpenAI] = []
        self._models: list[str] = []
        self._turn = 0

    async def start(self) -> None:
        """See that each answers, and which model it serves.

        Raises:
            InfrastructureError: One does not.
        """
        from openai import AsyncOpenAI

        for url in self._urls:
            client = AsyncOpenAI(
                base_url=f"{url}/v1", api_key="none", max_retries=RETRIES, timeout=TIMEOUT
            )
            self._clients.append(client)
            page = await _asked(client.models.list(), url)
            served = [str(one.id) for one in page.data]
            if not served:
                raise InfrastructureError(f"the reward model at {url}: it serves none")
            self._models.append(served[0])

    async def aclose(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, []
        for client in clients:
            await client.close()

    async def score(self, sample: Sample) -> float | None:
        """The reward of an answer without its thinking; None: the model gives it none.

        Raises:
            RefusedError: The model refuses it.
            InfrastructureError: The model is away.
        """
        place = self._turn % len(self._clients)
        self._turn += 1
        url = self._urls[place]
        answer = final_part(sample.response, sample.thinking)
        messages = [*map(dict, sample.prompt), {"role": "assistant", "content": answer}]
        body = {"model": self._models[place], "messages": messages, "add_generation_prompt": False}
        async with self._gate:
            found = await _asked(
                self._clients[place].post(f"{url}/pooling", body=body, cast_to=object), url
            )
        return _reward(found)


async def _asked(call: Any, url: str) -> Any:
    import openai

    try:
        return await call
    except openai.OpenAIError as error:
        said = f"the reward model at {url}: " + " ".join(str(error).split())[:200]
        if getattr(error, "status_code", None) in OF_THE_QUESTION - {None}:
            raise RefusedError(said) from error
        raise InfrastructureError(said) from error


def _reward(found: Any) -> float | None:
    """The last number of what `/pooling` gave."""
    try:
        value = found["data"][0]["data"]
        while isinstance(value, list):
            value = value[-1]
        return float(value)
    except (KeyError, IndexError, TypeError, ValueError):
        return None
