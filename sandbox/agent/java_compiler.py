"""A Java compiler that stays warm, in a slot of its own.

Guarantees: it is jailed as any run is, without the program's being executed; it is used by one
build at a time; one that takes too long ends it, and the next build starts another.
"""

import base64
import json
import os
import select
import threading
from pathlib import Path
from typing import Any, Final

from .denied import FOREVER, Denied, Wall
from .slot import BrokenError, Slot

SERVER: Final = Path(__file__).with_name("compiler")
ASM: Final = "java.base/jdk.internal.org.objectweb.asm=ALL-UNNAMED"  # reads and writes class files
MEMORY_MB: Final = 768
ANSWER_BYTES: Final = 64 << 20
START_SECONDS: Final = 60.0


class JavaCompiler:
    """Compiles Java sources to a jar."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._requests = self._answers = -1

    def compile(self, files: dict[str, str], java: str, seconds: float) -> dict[str, Any]:
        """`{"log", "jar"}`, the jar as bytes and empty if the sources do not compile.

        Raises:
            BrokenError: The compiler did not start, or died.
            TimeoutError: It took longer than `seconds`.
        """
        with self._lock:
            try:
                if self._thread is None or not self._thread.is_alive():
                    self._start(java)
                answer = self._ask({"files": files}, seconds)
            except (TimeoutError, BrokenError):
                self._stop()
                raise
        return {"log": answer["log"], "jar": base64.b64decode(answer["jar"])}

    def _start(self, java: str) -> None:
        self._stop()
        theirs_in, self._requests = os.pipe()
        self._answers, theirs_out = os.pipe()
        request = {
            "roles": [
                {
                    "argv": [
                        java,
                        "-Xshare:auto",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        f"-Xmx{MEMORY_MB // 2}m",
                        "-Xss16m",
                        "--add-exports",
                        ASM,
                        str(SERVER / "Start.java"),
                        str(SERVER),
                    ],
                    "fds": ["outer:0", "outer:1", "null"],
                }
            ],
            "outer": [theirs_in, theirs_out],
            "limits": {
                "wall_seconds": FOREVER,
                "cpu_seconds": FOREVER,
                "memory_mb": MEMORY_MB,
                "processes": 64,
                "disk_mb": 16,
                "inodes": 256,
                "stack_mb": 8,
            },
        }
        self._thread = threading.Thread(target=self._host, args=(request,), daemon=True)
        self._thread.start()
        try:
            self._ask({"files": {"Warm.java": "public class Warm { }"}}, START_SECONDS)
        except TimeoutError as error:  # no program is to blame for it
            raise BrokenError(f"the Java compiler did not start: {error}") from error

    def _host(self, request: dict[str, Any]) -> None:
        try:
            self._slot.run(request)
        except BrokenError:
            return  # whoever waits for an answer sees the end of the stream

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        wall = Wall(seconds, Denied(self._slot.processes))
        data = json.dumps(request).encode() + b"\n"
        os.set_blocking(self._requests, False)
        os.set_blocking(self._answers, False)
        received = bytearray()
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        poll.register(self._requests, select.POLLOUT)
        while not received.endswith(b"\n"):
            left = wall.left()
            if left <= 0:
                raise TimeoutError("the Java compiler did not answer in time")
            for fd, _ in poll.poll(left * 1000):
                try:
                    if fd == self._requests:
                        data = data[os.write(fd, data) :]
                        if not data:
                            poll.unregister(fd)
                        continue
                    chunk = os.read(fd, 1 << 20)
                except OSError as error:
                    raise BrokenError(f"the Java compiler died: {error}") from error
                received += chunk
                if not chunk or len(received) > ANSWER_BYTES:
                    raise BrokenError("the Java compiler died")
        answer = json.loads(received)
        if not isinstance(answer, dict):
            raise BrokenError("the Java compiler talks nonsense")
        return answer

    def _stop(self) -> None:
        if self._thread is not None:
            self._slot.cancel()
            self._thread.join()
            self._thread = None
        for fd in (self._requests, self._answers):
            if fd >= 0:
                os.close(fd)
        self._requests = self._answers = -1
