"""What passes a box's port on goes on where the agent has left it no process and no file."""

import contextlib
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from rl.endpoint import forward
from tests.ports import free_port


def served(path: Path) -> None:
    """Answer each connection with what it says first."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def answer() -> None:
        while True:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                client.sendall(client.recv(9))

    threading.Thread(target=answer, daemon=True).start()


def asked(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        try:
            client.sendall(b"hello")
            return client.recv(9)
        except ConnectionError:  # it was closed
            return b""


@pytest.mark.parametrize("refused", [1, 2])
def test_a_port_is_passed_on_after_a_thread_could_not_be_started(
    refused: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(tmp_path / "s")
    port = free_port()
    forward.listen(port, str(tmp_path / "s"))
    assert asked(port) == b"hello"
    start = threading.Thread.start
    starts: list[None] = []

    def full(thread: threading.Thread, *more: Any) -> None:
        if vars(thread)["_target"] in (forward.connect, forward.pump):
            starts.append(None)
            if len(starts) == refused:
                raise RuntimeError("can't start new thread")
        start(thread, *more)

    monkeypatch.setattr(threading.Thread, "start", full)
    assert asked(port) == b""
    assert asked(port) == b"hello"
