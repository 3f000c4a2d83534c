"""Who may ask: whoever has the token, from the page itself, under a name of this machine.

The page can run code (grading anew runs a run's verifiers), so each request is checked, also for
the page's own files: the `Host` it names, which a foreign site that points its name here cannot
choose; its `Origin`, which a foreign page cannot hide; the token, which comes once in the address
that the command prints and then in a cookie that scripts cannot read.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Guard:
    """What is let in.

    Attributes:
        names: hosts that a request may name, beside this machine's loopback.
        token: what it has to know.
    """

    names: frozenset[str] = frozenset()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def cookie(self) -> str:
        """The cookie's name: pages at other ports of this machine have their own."""
        return f"plumb_view_{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Why a request is refused: status and line; None: it is not."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name_of(f"//{host}") not in LOCAL_NAMES | self.names:
            return 421, "this name is not that of the page's own machine"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return 403, "another page may not ask here"
        # A link to the page, with its token, may stand anywhere; nothing else may be asked.
        foreign = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if foreign and headers.get("sec-fetch-mode") != "navigate":
            return 403, "another page may not ask here"
        if scope["method"] not in _SAFE and origin is None and not self._has_header(headers):
            return 403, "a request that changes something has to name its origin"
        if not self._knows(scope, headers):
            return 401, "open the address that plumb view has printed; it holds the token"
        return None

    def gives_token(self, scope: Scope) -> bool:
        """Whether the address of the page itself holds the token."""
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return scope["path"] == "/" and self._is_token((asked.get("token") or [""])[0])

    def _knows(self, scope: Scope, headers: Headers) -> bool:
        return (
            self._has_header(headers)
            or self._is_token(_cookie(headers.get("cookie", ""), self.cookie))
            or self.gives_token(scope)
        )

    def _has_header(self, headers: Headers) -> bool:
        kind, _, value = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._is_token(value.strip())

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())


class Guarded:
    """An application behind a guard, with headers that keep its pages to themselves.

    Args:
        app: what answers.
        guard: who may ask.
        scripts: hashes of the scripts that stand within the page.
    """

    def __init__(self, app: ASGIApp, guard: Guard, scripts: Iterable[str]) -> None:
        self._app = app
        self._guard = guard
        self._policy = policy(scripts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = self._guard.refusal(scope)
        sender = self._headed(scope, send)
        if refusal is not None:
            status, line = refusal
            await PlainTextResponse(f"plumb view: {line}\n", status)(scope, receive, sender)
            return
        await self._app(scope, receive, sender)

    def _headed(self, scope: Scope, send: Send) -> Callable[[Message], Awaitable[None]]:
        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                # The page's own files may be kept, and are asked about each time.
                kept = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "private, no-cache" if kept else "no-store")
                if message["status"] == 200 and self._guard.gives_token(scope):
                    headers.append(
                        "Set-Cookie",
                        f"{self._guard.cookie}={self._guard.token}; HttpOnly; SameSite=Strict; "
                        "Path=/",
                    )
            await send(message)

        return sender


def policy(scripts: Iterable[str]) -> str:
    """The content security policy: our own files alone, and no script within a page but ours.

    Formulas have their places in `style` attributes, which can do no more than look odd.
    """
    hashes = " ".join(f"'sha256-{one}'" for one in scripts)
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self'; "
        "style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _name_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _cookie(header: str, name: str) -> str:
    return cookie_parser(header).get(name, "")  # whatever other cookies there are
