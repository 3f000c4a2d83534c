"""The page's server: what it answers, and to whom."""

import asyncio
import base64
import errno
import hashlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.types import ASGIApp

from launch.view.desk import Desk
from launch.view.filters import Filter
from launch.view.regrade import MOST, ROW_FIELDS, RegradeError, ask_worker
from launch.view.sample import TOKENS_SHOWN, sample, text_part, tokens
from launch.view.security import Guard, Guarded
from launch.view.shelves import place_of
from launch.view.texts import GoneError, doc_named, id_of, read_docs, shelf_of
from rl.errors import ConfigError

STATIC: Final = Path(__file__).parent / "static"
DEEPEST: Final = 10_000  # rows that can be scrolled to; beyond, a filter finds more
_INLINE: Final = re.compile(r"<script type=\"importmap\">(.*?)</script>", re.S)

Asked = Annotated[Filter, Query()]


class Graded(BaseModel):
    """Answers to grade anew."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MOST)]


class Listing(Filter):
    """A page of rows."""

    offset: Annotated[int, Field(ge=0, le=DEEPEST)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class Search(Filter):
    """A part of what has a text."""

    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


def application(desk: Desk, guard: Guard) -> ASGIApp:
    """The whole of the page, behind its guard."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        desk.start()
        try:
            yield
        finally:
            await asyncio.to_thread(desk.close)

    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    page = (STATIC / "index.html").read_text("utf-8")

    @app.get("/")
    def index() -> HTMLResponse:
        return HTMLResponse(page)

    _add_numbers(app, desk)
    _add_answers(app, desk)
    _add_grading(app, desk)
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.exception_handler(GoneError)
    @app.exception_handler(RegradeError)
    async def one_line(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 404 if isinstance(error, GoneError) else 422)

    scripts = [_digest(text) for text in _INLINE.findall(page)]
    return Guarded(app, guard, scripts)


def listening(host: str, first: int, count: int) -> socket.socket | None:
    """A socket at the first port that nobody has; None where all are taken.

    Raises:
        ConfigError: this machine has no such address, or may not use such ports.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(first, first + count):
        taken = socket.socket(family, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((host, port))
            taken.listen(128)
        except OSError as error:
            taken.close()
            if error.errno != errno.EADDRINUSE:
                raise ConfigError(
                    f"cannot listen on port {port} of {host}: {error.strerror}: give an address of "
                    "this machine as --host, and a --port above 1023"
                ) from error
        else:
            return taken
    return None


def _add_numbers(app: FastAPI, desk: Desk) -> None:
    app.get("/api/state")(desk.state)
    app.get("/api/curves")(desk.curves)
    app.get("/api/evaluations")(desk.evaluations)

    @app.get("/api/times")
    def times(asked: Asked) -> dict[str, Any]:
        return desk.times(asked)

    @app.get("/api/data")
    def data(asked: Asked) -> dict[str, Any]:
        return desk.data(asked)


def _add_answers(app: FastAPI, desk: Desk) -> None:
    @app.get("/api/rows")
    def rows(asked: Annotated[Listing, Query()]) -> dict[str, Any]:
        return desk.rows(asked, asked.offset, asked.limit)

    @app.get("/api/search")
    def search(asked: Annotated[Search, Query()]) -> dict[str, Any]:
        after = asked.after
        if after is not None and not (after.isdecimal() and len(after) < 19):
            raise GoneError("the search cannot be continued there: begin it anew")
        return desk.found(asked, None if after is None else int(after), asked.limit)

    @app.get("/api/counts")
    def counts(asked: Asked) -> dict[str, Any]:
        return desk.light.counts(asked)

    @app.get("/api/previews")
    def previews(id: Annotated[list[str], Query(max_length=500)]) -> dict[str, Any]:
        found = desk.previews([doc_named(one) for one in id])
        return {id_of(doc): text for doc, text in found.items()}

    @app.get("/api/sample")
    def one_sample(id: str) -> dict[str, Any]:
        return sample(desk.library, doc_named(id))

    @app.get("/api/group")
    def group(id: str) -> list[dict[str, Any]]:
        return desk.group(doc_named(id))

    @app.get("/api/text")
    def text(id: str, name: str, offset: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        return text_part(desk.library, doc_named(id), name, offset)

    @app.get("/api/tokens")
    def some_tokens(
        id: str,
        trajectory: int = 0,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=TOKENS_SHOWN)] = 1024,
    ) -> dict[str, Any]:
        return tokens(desk.library, doc_named(id), trajectory, offset, limit)


def _add_grading(app: FastAPI, desk: Desk) -> None:
    gate = asyncio.Semaphore(1)

    async def worked(action: str, ids: list[str]) -> list[dict[str, Any]]:
        docs = [doc_named(one) for one in ids]
        shelves = {place_of(doc)[0] for doc in docs}
        runs = {shelf_of(desk.library, number).run for number in shelves}
        if len(runs) != 1:
            raise RegradeError("answers of one run can be graded together, not of several")
        found = await asyncio.to_thread(read_docs, desk.library, docs, ROW_FIELDS)
        if missing := [one for one, doc in zip(ids, docs, strict=True) if doc not in found]:
            raise GoneError(f"{len(missing)} of the answers are not there any more: reload")
        async with gate:
            said = await ask_worker(action, runs.pop().path, [found[doc] for doc in docs])
        return [{"id": one, **row} for one, row in zip(ids, said, strict=True)]

    @app.post("/api/regrade")
    async def regrade(asked: Graded) -> list[dict[str, Any]]:
        return await worked("grade", asked.ids)

    @app.post("/api/verify_row")
    async def verify_row(asked: Graded) -> list[dict[str, Any]]:
        return await worked("row", asked.ids)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
