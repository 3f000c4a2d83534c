"""An MCP server over streamable HTTP: no redirects, no proxies of ours, answers of a bounded size.

Guarantee: an answer that is longer than the bound, or that is compressed (a short one may become
any length), breaks the request; the server's event streams are bounded event by event.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx2
    from mcp.client._transport import TransportStreams

CONNECT: Final = 15.0  # seconds to connect, and to send
SILENCE: Final = 3_600.0  # seconds in which an open stream may say nothing; calls have deadlines


@asynccontextmanager
async def http(
    url: str, headers: Mapping[str, str], most: int
) -> "AsyncIterator[TransportStreams]":
    """Connect; what the `mcp` package reads from and writes to.

    Args:
        url: Of the server's endpoint.
        headers: Of each request, such as `Authorization`.
        most: Bytes of an answer, or of an event in a stream.
    """
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async with httpx2.AsyncClient(
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(CONNECT, read=SILENCE),
        event_hooks={"response": [_bounded(most)]},
        follow_redirects=False,
        max_redirects=0,  # the package follows some by itself, up to this number
        trust_env=False,
    ) as client:
        opened: AbstractAsyncContextManager[Any] = streamable_http_client(
            url, http_client=client, max_sse_event_size=most
        )
        async with opened as streams:
            yield streams


def _bounded(most: int) -> Any:
    import httpx2

    class Stream(httpx2.AsyncByteStream):
        """The bytes of an answer, up to the bound."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = most
            async for chunk in self._inner:
                left -= len(chunk)
                if left < 0:
                    raise httpx2.StreamError(f"an answer of more than {most >> 10} KiB")
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    async def bound(response: "httpx2.Response") -> None:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise httpx2.RemoteProtocolError("a compressed answer, which was not asked for")
        kind = response.headers.get("content-type", "").lower()
        if not kind.startswith("text/event-stream"):
            response.stream = Stream(response.stream)

    return bound
