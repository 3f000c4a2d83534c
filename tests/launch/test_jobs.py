"""What is asked of Ray's job service, by one that answers as a head does that has just started."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
import ray

from launch.cluster import jobs
from rl.errors import ClusterError

NO_AGENT = "No available agent to submit job, please try again later."


@contextmanager
def service(refusals: int, refusal: str = NO_AGENT) -> Iterator[tuple[str, list[str]]]:
    """A job service that refuses so many jobs; its URL, and the entry points of what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        version: ClassVar = {"version": "4", "ray_version": ray.__version__, "ray_commit": "0"}

        def do_GET(self) -> None:
            self._answer(200, json.dumps(self.version))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body["entrypoint"])
            if len(asked) <= refusals:
                self._answer(500, refusal)
            else:
                self._answer(200, json.dumps({"job_id": "a", "submission_id": "a"}))

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_agent_of_a_head_that_has_just_started_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "_PAUSE", 0.01)
    with service(2) as (address, asked):
        assert jobs.Service(address).submit("plumb train") == "a"
    assert asked == ["plumb train"] * 3


def test_an_agent_that_never_comes_is_a_line_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "_PAUSE", 0.5)
    monkeypatch.setattr(jobs, "_AGENT", 4.0)
    with (
        service(10**6) as (address, asked),
        pytest.raises(ClusterError, match="--dashboard-agent-listen-port=0"),
    ):
        jobs.Service(address).submit("plumb train")
    assert len(asked) > 1


def test_another_refusal_is_told_at_once() -> None:
    with (
        service(10**6, "no room") as (address, asked),
        pytest.raises(ClusterError, match=r"does not submit: .*no room"),
    ):
        jobs.Service(address).submit("plumb train")
    assert len(asked) == 1
