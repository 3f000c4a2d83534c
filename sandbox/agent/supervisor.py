"""The first process of a box: requests on standard input, answers on standard output.

Both are lines of JSON. A request has an `id` and an `op`:
    build   files, and how a compiler is called on them; the result is kept under `key`
    run     roles (programs under a key, or Python in the zygote), inputs and limits
    cancel  ends the request whose id is `target`
The first line out says what this box is.
Guarantee: every request is answered once: with what happened, or with `broken` and the reason,
which says that nothing was measured.
"""

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, Final

from . import cgroups
from .java_compiler import JavaCompiler
from .slot import BrokenError, Slot, Uids
from .store import FOLDER, Store

PROBE_LIMITS: Final = {
    "wall_seconds": 20.0,
    "cpu_seconds": 10.0,
    "memory_mb": 64,
    "processes": 8,
    "disk_mb": 1,
    "inodes": 16,
    "stack_mb": 8,
    "out_bytes": 1 << 16,
    "err_bytes": 1 << 16,
    "result_bytes": 1 << 16,
}


class Supervisor:
    """The slots of a box, and what they are at."""

    def __init__(self, slots: int, store_mb: int) -> None:
        self._groups = cgroups.prepare()
        self._uids = Uids()
        self._store = Store(store_mb << 20)
        self._write_lock = threading.Lock()
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._current: dict[int, Slot] = {}
        self._waiting: set[int] = set()
        self._slots = [self._slot(f"slot-{number}") for number in range(slots)]
        self._java = JavaCompiler(self._slot("java"))

    def _slot(self, name: str) -> Slot:
        group = self._groups(name) if self._groups is not None else None
        return Slot(name, self._uids, group)

    def describe(self) -> dict[str, Any]:
        """What this box is, by a run that looks at its own walls."""
        files = {"main.py": Path(__file__).with_name("probe.py").read_text()}
        with self._store.draft(files) as draft:
            request = {
                "roles": [
                    {"app": draft, "python": {"kind": "script"}, "fds": ["null", "out", "err"]}
                ],
                "limits": PROBE_LIMITS,
            }
            answer = self._slots[0].run(request)
        try:
            probe = json.loads(answer["out"])
        except ValueError:
            probe = {"error": (answer["err"].strip().splitlines() or ["no answer"])[-1]}
        version = self._groups.version if self._groups is not None else None
        return {"ready": True, "slots": len(self._slots), "cgroups": version, "probe": probe}

    def serve(self) -> None:
        """Answer requests until standard input closes."""
        for slot in self._slots:
            threading.Thread(target=self._work, args=(slot,), daemon=True).start()
        for line in sys.stdin.buffer:
            request = json.loads(line)
            if request["op"] == "cancel":
                self._cancel(request["target"])
                continue
            with self._lock:
                self._waiting.add(request["id"])
            self._queue.put(request)

    def say(self, answer: dict[str, Any]) -> None:
        """Write one line."""
        line = memoryview(json.dumps(answer).encode() + b"\n")
        with self._write_lock:
            while line:
                line = line[os.write(1, line) :]

    def _cancel(self, number: int) -> None:
        with self._lock:
            self._waiting.discard(number)
            if number in self._current:
                self._current[number].cancel()

    def _work(self, slot: Slot) -> None:
        while True:
            request = self._queue.get()
            number = request["id"]
            with self._lock:
                wanted = number in self._waiting
                self._waiting.discard(number)
                if wanted:
                    slot.forget_cancel()
                    self._current[number] = slot
            answer: dict[str, Any] = {"broken": "cancelled"}
            if wanted:
                try:
                    answer = self._do(slot, request)
                except (OSError, BrokenError) as error:
                    answer = {"broken": str(error)}
                except Exception as error:
                    answer = {"broken": f"{type(error).__name__}: {error}"}
                finally:
                    with self._lock:
                        del self._current[number]
            self.say({"id": number} | answer)

    def _do(self, slot: Slot, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "build":
            return self._build(slot, request)
        keys = {role["app"] for role in request["roles"] if role.get("app") is not None}
        files = request.get("files")
        if files:
            with self._store.draft(files) as draft, self._store.use(keys - {"files"}) as missing:
                for role in request["roles"]:
                    if role.get("app") == "files":
                        role["app"] = draft
                return {"missing": sorted(missing)} if missing else slot.run(request)
        with self._store.use(keys) as missing:
            return {"missing": sorted(missing)} if missing else slot.run(request)

    def _build(self, slot: Slot, request: dict[str, Any]) -> dict[str, Any]:
        """Keep the files, or what a compiler makes of them, under the request's key."""
        with self._store.use({request["key"]}) as missing:
            if not missing:
                return {"built": True, "log": ""}
        output = request.get("output")
        if output is None:
            with self._store.draft(request["files"]) as draft:
                self._store.keep(draft, request["key"])
            return {"built": True, "log": ""}
        with self._store.use(set(request.get("parts", ()))) as missing:
            if missing:
                return {"built": False, "missing": sorted(missing)}
            request["files"] |= self._store.contents(request.get("parts", ()))
        if "java" in request:
            made = self._build_java(request)
        else:
            made = self._build_by_command(slot, request)
        data = made.pop("data", b"")
        if data:
            with self._store.draft({output: data}) as draft:
                self._store.keep(draft, request["key"])
        return made | {"built": bool(data)}

    def _build_java(self, request: dict[str, Any]) -> dict[str, Any]:
        seconds = request["limits"]["wall_seconds"]
        try:
            made = self._java.compile(request["files"], request["java"], seconds)
        except TimeoutError:
            return {"log": f"no result within {seconds:g} s", "stopped": "wall"}
        return {"log": made["log"], "data": made["jar"]}

    def _build_by_command(self, slot: Slot, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.draft(request["files"]) as draft:
            role = {"app": draft, "argv": request["argv"], "fds": ["null", "out", "out", "result"]}
            answer = slot.run({"roles": [role], "limits": request["limits"]})
        ended = answer["ended"][0]
        killed = ended["code"] < 0 and answer["stopped"] is None and not answer["out_of_memory"]
        if ended["fault"] or killed:
            raise BrokenError(ended["fault"] or "somebody outside of the sandbox killed a build")
        data = answer["result"].encode("utf-8", "surrogateescape")
        good = answer["stopped"] is None and ended["code"] == 0
        return {
            "log": answer["out"],
            "stopped": answer["stopped"],
            "out_of_memory": answer["out_of_memory"],
            "data": data if good else b"",
        }


def main(arguments: list[str]) -> int:
    """Serve with so many slots, and so many MiB for what was built."""
    slots, store_mb = map(int, arguments)
    if not FOLDER.is_dir():
        sys.stderr.write(f"supervisor: there is no folder {FOLDER}\n")
        return 1
    try:
        supervisor = Supervisor(slots, store_mb)
        supervisor.say(supervisor.describe())
    except (OSError, BrokenError) as error:
        line = json.dumps({"ready": False, "reason": str(error)})
        os.write(1, line.encode() + b"\n")
        return 1
    supervisor.serve()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the threads of slots wait for ever
