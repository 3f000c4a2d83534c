"""Runs in a box without a network: passes a loopback port on to the endpoint's socket.

    python3 forward.py PORT SOCKET                 says "ready", and ends with its standard input
    python3 forward.py PORT SOCKET -- COMMAND      also runs a command, and ends as it does
    python3 forward.py PORT SOCKET BYTES,PROCESSES -- COMMAND          with limits for the command
    python3 forward.py PORT SOCKET line -- COMMAND      gives it a line of its standard input, and
                                                        ends with that, however it is closed

It stands alone, with the standard library of any Python from 3.8 on.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

CHUNK = 1 << 16
PAUSE = 0.05


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until the source ends."""
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(CHUNK)
            if not data:
                break
            target.sendall(data)
    for one, way in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            one.shutdown(way)


def connect(client: socket.socket, path: str) -> None:
    """Join a connection with one to the socket."""
    upstream = socket.socket(socket.AF_UNIX)
    try:
        upstream.connect(path)
    except OSError:
        client.close()
        upstream.close()
        return
    with client, upstream:
        back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
        if begun(back):
            pump(client, upstream)
            back.join()


def begun(thread: threading.Thread) -> bool:
    """Whether a thread could be started: the box may have no process left."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def listen(port: int, path: str) -> None:
    """Begin to accept connections."""
    server = socket.create_server(("127.0.0.1", port))
    server.listen(128)

    def accept() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:  # no file is left; what the agent has open ends by itself
                time.sleep(PAUSE)
                continue
            if not begun(threading.Thread(target=connect, args=(client, path), daemon=True)):
                client.close()  # clients ask again

    threading.Thread(target=accept, daemon=True).start()


def bound(limits: str) -> None:
    """Set limits of this process and of those that it starts: memory, bytes; processes."""
    memory, processes = (int(one) for one in limits.split(","))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def run_followed(command: list[str]) -> int:
    """Run a command that is given one line; its exit code."""
    line = sys.stdin.buffer.readline()
    child = subprocess.Popen(command, stdin=subprocess.PIPE)

    def give() -> None:
        with contextlib.suppress(OSError):  # it may read nothing, or not all
            assert child.stdin is not None
            child.stdin.write(line)
            child.stdin.close()

    def follow() -> None:
        while os.read(sys.stdin.fileno(), CHUNK):
            pass
        os._exit(128 + signal.SIGKILL)  # and with the first process of a box all of it

    for work in (give, follow):
        threading.Thread(target=work, daemon=True).start()
    return child.wait()


def main(arguments: list[str]) -> int:
    """See the module."""
    port, path = int(arguments[0]), arguments[1]
    limits = arguments[2] if len(arguments) > 2 and arguments[2] != "--" else ""
    command = arguments[4 if limits else 3 :]
    listen(port, path)
    if not command:
        print("ready", flush=True)
        sys.stdin.read()
        return 0
    try:
        if limits == "line":
            code = run_followed(command)
        else:
            first = (lambda: bound(limits)) if limits else None
            code = subprocess.run(command, check=False, preexec_fn=first).returncode
    except OSError as error:
        print(f"plumb: {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return 127
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
