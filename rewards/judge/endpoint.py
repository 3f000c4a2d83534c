"""One OpenAI-compatible endpoint: asking it as it wants to be asked, and telling failures apart.

Guarantees: each failure is one of two. `TransientError`: it is away, late or busy, and another try
may help. `RefusedError`: it understood and will not, so none does. Both name the endpoint, never a
key. What it serves is asked anew after it was away, as another server may have come back. Where it
takes less of the protocol than is sent, it is asked accordingly from then on; that is said once.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from rewards.judge.dialect import Dialect
from rewards.judge.errors import RefusedError
from rewards.judge.replies import Reply, Request, TransientError, failure_of, line_of, reply_of
from rewards.judge.settings import EndpointSettings
from rewards.judge.strict import conforming

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NO_KEY: Final = "none"  # the client insists on one
Failure = TransientError | RefusedError
_LOG = logging.getLogger(__name__)


class Endpoint:
    """A base URL, with what is known of it.

    Attributes:
        name: The URL for messages, without a password.
        identity: What it serves, as it said itself when it was last asked; None: never.
        open: Requests that it has not answered yet.
        failures: Since it last answered.
        rests_until: Monotonic time before which it is asked only if no other can be.
        adapted: How it is asked otherwise than it was at first, a line each.
    """

    def __init__(self, url: str, key: str | None, settings: EndpointSettings) -> None:
        self.url = url
        self.name = _without_password(url)
        self.identity: str | None = None
        self.open = 0
        self.failures = 0
        self.rests_until = 0.0
        self.adapted: list[str] = []
        self._key = key
        self._settings = settings
        self._model = settings.model or ""
        self._dialect = Dialect.first(settings)
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
        """Ask; where the endpoint answers with an error, ask in each dialect that may do, once."""
        began = dialect = self._dialect
        first: Failure | None = None
        dropped: Failure | None = None  # why the schema was left out
        while True:
            try:
                reply = await self._send(request, dialect)
                break
            except (TransientError, RefusedError) as error:
                first = first or error
                changed = dialect.after(error, request)
                if changed is None:
                    raise first  # noqa: B904 (the first says more; it has its own cause)
                if changed.takes_schemas != dialect.takes_schemas:
                    dropped = error
                dialect = changed
        if not isinstance(dropped, TransientError):
            return self._kept(request, reply, began, dialect)
        # It may have failed by itself. If it fails with a schema again, it was the schema.
        with_form = replace(dialect, takes_schemas=True)
        try:
            again = await self._send(request, with_form)
        except (TransientError, RefusedError) as error:
            is_told = isinstance(error, RefusedError) or error.is_told
            return self._kept(request, reply, began, dialect) if is_told else reply
        return self._kept(request, again, began, with_form)

    def _kept(self, request: Request, reply: Reply, began: Dialect, found: Dialect) -> Reply:
        """The reply, with what it says of the endpoint remembered.

        Args:
            request: What was asked.
            reply: What came back.
            began: The dialect that was tried first.
            found: The one in which it came back.
        """
        is_held = False
        if found.asks_for_form(request) and request.schema is not None and reply.is_whole:
            conforms = conforming(reply.text, request.schema) is not None
            if not found.is_sure:
                found = replace(found, takes_schemas=conforms, is_sure=True)
            is_held = found.takes_schemas
        if reply.is_thought:
            self._tell("its text stands in reasoning_content: it is read there")
        new = self._dialect.learned(began, found)
        for change in self._dialect.changes(new):
            self._tell(change)
        self._dialect = new
        return replace(reply, is_held=is_held)

    def _tell(self, change: str) -> None:
        """Say once how this endpoint is asked otherwise than it was told to be."""
        if change not in self.adapted:
            self.adapted.append(change)
            _LOG.warning("%s at %s: %s", self._settings.called, self.name, change)

    async def _send(self, request: Request, dialect: Dialect) -> Reply:
        call = self._opened().chat.completions.create(
            model=self._model,
            messages=list(request.messages),  # type: ignore[arg-type]
            **dialect.body(request, self._settings),
        )
        reply = reply_of(await self._answer(call), self.name)
        return replace(reply, reads_calls=dialect.reads_calls)

    async def _asked_identity(self) -> str:
        wanted = self._settings.model
        try:
            served = await self._served_models()
        except (TransientError, RefusedError) as error:
            if wanted is None and isinstance(error, RefusedError):
                hint = f"(if it lists no models, name one by {self._settings.names_model})"
                raise RefusedError(f"{error} {hint}", status=error.status) from error
            if wanted is None or (isinstance(error, TransientError) and not error.is_told):
                raise
            served = {}
        if wanted is not None and not served:
            # Not every endpoint has a list of models. Whether it is one is seen by a question.
            await self._try_out()
            self._tell(
                f"it lists no models: the one that {self._settings.names_model} names is asked"
            )
            return f"{wanted}="
        listed = ", ".join(sorted(served)[:20]) or "none"
        if wanted is not None and wanted not in served:
            raise RefusedError(f"{self.name}: serves no model '{wanted}'; it has: {listed}")
        if wanted is None and len(served) != 1:
            raise RefusedError(
                f"{self.name}: name one of its models by {self._settings.names_model}: {listed}"
            )
        self._model = wanted or next(iter(served))
        return f"{self._model}={getattr(served[self._model], 'root', None) or ''}"

    async def _try_out(self) -> None:
        """Ask something short, to see whether there is an answer."""
        await self._complete(Request([{"role": "user", "content": "Write 1."}]))

    async def _served_models(self) -> dict[str, Any]:
        """The models that the endpoint lists, by id."""
        try:  # the client itself fails by the latter where what comes is no object
            page = await self._answer(self._opened().models.list())
            return {str(one.id): one for one in page.data}
        except (AttributeError, TypeError) as error:
            raise RefusedError(
                f"{self.name}: answers, but with no list of models; the base URL of an "
                "OpenAI-compatible server mostly ends in /v1"
            ) from error

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
            raise TransientError(f"{self.name}: {line_of(cause)}") from error
        except (openai.OpenAIError, ValueError) as error:
            raise TransientError(f"{self.name}: {line_of(error)}") from error

    def _of_status(self, error: Any) -> Exception:
        status = int(error.status_code)
        said = error.body.get("message") if isinstance(error.body, Mapping) else error.body
        line = f"{self.name}: HTTP {status}: {line_of(said or error.message)}"
        return failure_of(status, line, _retry_after(error.response.headers.get("retry-after")))

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
