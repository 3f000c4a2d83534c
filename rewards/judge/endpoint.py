"""One OpenAI-compatible endpoint: asking it, and telling its failures apart.

Guarantees: each failure is one of two. `TransientError`: it is away, late or busy, and another try
may help. `RefusedError`: it understood and will not, so none does. Both name the endpoint, never a
key. What it serves is asked anew after it was away, as another server may have come back.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from rewards.judge.errors import RefusedError
from rewards.judge.settings import JudgeSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

BUSY: Final = frozenset({408, 409, 429})  # it is there, and asks to be left alone for a while
LONGEST: Final = 300  # characters of a server's message
NO_KEY: Final = "none"  # the client insists on one


class TransientError(Exception):
    """The endpoint did not answer this time.

    Attributes:
        is_busy: Whether it is there, and only refuses for now.
        retry_after: Seconds that it asks to wait.
    """

    def __init__(self, message: str, *, is_busy: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.is_busy = is_busy
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        messages: The chat.
        schema: The form of the reply; None: any.
    """

    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        text: The message's content.
        is_whole: Whether the model ended it; False: it was cut at a limit.
    """

    text: str
    is_whole: bool
    input_tokens: int
    output_tokens: int


class Endpoint:
    """A base URL, with what is known of it.

    Attributes:
        name: The URL for messages, without a password.
        identity: What it serves, as it said itself when it was last asked; None: never.
        open: Requests that it has not answered yet.
        failures: Since it last answered.
        rests_until: Monotonic time before which it is asked only if no other can be.
    """

    def __init__(self, url: str, key: str | None, settings: JudgeSettings) -> None:
        self.url = url
        self.name = _without_password(url)
        self.identity: str | None = None
        self.open = 0
        self.failures = 0
        self.rests_until = 0.0
        self._key = key
        self._settings = settings
        self._model = settings.model or ""
        self._takes_schemas: bool | None = {"json_schema": True, "none": False}.get(
            settings.structured
        )
        self._client: AsyncOpenAI | None = None
        self._identifying = asyncio.Lock()
        self._is_identified = False

    async def identify(self) -> str:
        """What it serves.

        Raises:
            TransientError: It does not answer.
            RefusedError: It refuses, or does not serve the model.
        """
        async with self._identifying:
            if self.identity is None or not self._is_identified:
                self.identity = await self._asked_identity()
                self._is_identified = True
            return self.identity

    async def complete(self, request: Request) -> Reply:
        """The reply to a request.

        Raises:
            TransientError: There is none this time.
            RefusedError: There will be none.
        """
        self.open += 1
        try:
            await self.identify()
            return await self._complete(request)
        except TransientError as error:
            if not error.is_busy:
                self._is_identified = False
            raise
        finally:
            self.open -= 1

    async def aclose(self) -> None:
        """Close its connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _complete(self, request: Request) -> Reply:
        if request.schema is None or self._takes_schemas is False:
            return await self._send(request, {})
        form = {"name": "grade", "strict": True, "schema": request.schema}
        held = {"response_format": {"type": "json_schema", "json_schema": form}}
        try:
            reply = await self._send(request, held)
        except RefusedError:
            if self._takes_schemas is not None:
                raise
            # It may be the schema that it refuses. If it refuses without one too, it was not.
            reply = await self._send(request, {})
            self._takes_schemas = False
        else:
            self._takes_schemas = True
        return reply

    async def _send(self, request: Request, more: Mapping[str, Any]) -> Reply:
        call = self._opened().chat.completions.create(
            model=self._model,
            messages=list(request.messages),  # type: ignore[arg-type]
            temperature=self._settings.sampling_temperature,
            max_tokens=self._settings.max_tokens,
            extra_body=self._settings.extra or None,
            **more,
        )
        completion = await self._answer(call)
        try:
            choice = completion.choices[0]
            usage = completion.usage
            return Reply(
                text=str(choice.message.content or ""),
                is_whole=choice.finish_reason != "length",
                input_tokens=int(usage.prompt_tokens) if usage else 0,
                output_tokens=int(usage.completion_tokens) if usage else 0,
            )
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise TransientError(f"{self.name}: answered with no completion") from error

    async def _asked_identity(self) -> str:
        page = await self._answer(self._opened().models.list())
        try:
            served = {str(one.id): one for one in page.data}
        except (AttributeError, TypeError) as error:
            raise RefusedError(
                f"{self.name}: answers, but with no list of models; the base URL of an "
                "OpenAI-compatible server mostly ends in /v1"
            ) from error
        wanted = self._settings.model
        listed = ", ".join(sorted(served)[:20]) or "none"
        if wanted is not None and wanted not in served:
            raise RefusedError(f"{self.name}: serves no model '{wanted}'; it has: {listed}")
        if wanted is None and len(served) != 1:
            raise RefusedError(f"{self.name}: name one of its models by `model`: {listed}")
        self._model = wanted or next(iter(served))
        return f"{self._model}={getattr(served[self._model], 'root', None) or ''}"

    async def _answer(self, call: Any) -> Any:
        """The result of a call, with its failures told apart."""
        import openai

        try:
            async with asyncio.timeout(self._settings.timeout):
                return await call
        except (TimeoutError, openai.APITimeoutError) as error:
            raise TransientError(
                f"{self.name}: no answer within {self._settings.timeout:g} s"
            ) from error
        except openai.APIStatusError as error:
            raise self._of_status(error) from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise TransientError(f"{self.name}: {_line(cause)}") from error
        except (openai.OpenAIError, ValueError) as error:
            raise TransientError(f"{self.name}: {_line(error)}") from error

    def _of_status(self, error: Any) -> Exception:
        status = int(error.status_code)
        said = error.body.get("message") if isinstance(error.body, Mapping) else error.body
        line = f"{self.name}: HTTP {status}: {_line(said or error.message)}"
        if status in BUSY or status >= 500:
            wait = _retry_after(error.response.headers.get("retry-after"))
            return TransientError(line, is_busy=status in BUSY, retry_after=wait)
        return RefusedError(line)

    def _opened(self) -> "AsyncOpenAI":
        if self._client is None:
            from openai import AsyncOpenAI

            self._client = AsyncOpenAI(
                base_url=self.url,
                api_key=self._key or NO_KEY,
                max_retries=0,
                timeout=self._settings.timeout,
            )
        return self._client


def _retry_after(stated: str | None) -> float:
    """Seconds of a header Retry-After, which names them or a date (RFC 9110, section 10.2.3)."""
    if not stated:
        return 0.0
    try:
        seconds = float(stated)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(stated).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return seconds if 0 < seconds < float("inf") else 0.0


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _line(error: object) -> str:
    text = " ".join(str(error).split())[:LONGEST]
    if not isinstance(error, BaseException):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
