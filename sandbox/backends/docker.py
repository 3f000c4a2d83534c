"""Boxes as hardened Docker containers.

Guarantees: no network, a read-only root, no capabilities but those by which the supervisor puts up
walls, no new privileges, a seccomp filter, limits on processes, memory and CPU, bounded tmpfs, and
no log. A container ends when this process does, however that happens: its standard input closes.
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections import deque
from typing import Any, Final

import docker
import requests
from docker.errors import DockerException, ImageNotFound

from sandbox.agent.seccomp import container_profile
from sandbox.backends.settings import AGENT_HOME, BoxSettings
from sandbox.box import LINE_BYTES, Box, BoxLostError
from sandbox.errors import ImageError, IsolationError
from sandbox.image.inputs import image_tag

CAPABILITIES: Final = ["SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "KILL"]
LABEL: Final = "plumb.sandbox"
DAEMON_SECONDS: Final = 60
_FRAME: Final = struct.Struct(">BxxxL")
_STDERR: Final = 2


def connect(seconds: float = DAEMON_SECONDS) -> "docker.DockerClient":
    """A client of the daemon that DOCKER_HOST names, or of the local one.

    Args:
        seconds: How long the daemon may be silent in an answer.

    Raises:
        IsolationError: No daemon answers.
    """
    try:
        client = docker.from_env(timeout=seconds)
        client.ping()
    except (DockerException, requests.RequestException, OSError, ValueError) as error:
        raise IsolationError(
            f"no Docker daemon answers ({_root(error)}); start one (sudo systemctl start docker), "
            "set DOCKER_HOST, or use the backend bubblewrap"
        ) from error
    return client


class DockerBackend:
    """Makes boxes by a Docker daemon."""

    name = "docker"

    def __init__(self, settings: BoxSettings) -> None:
        self._settings = settings

    async def check(self) -> None:
        """Look whether boxes can be made; raises IsolationError or ImageError if not."""
        await asyncio.to_thread(self._check)

    async def open(self) -> Box:
        """Start a box.

        Raises:
            ImageError: There is no image.
            IsolationError: The daemon does not know the runtime.
            BoxLostError: The daemon cannot start it now.
        """
        try:
            started = await asyncio.to_thread(self._start)
        except ImageNotFound as error:
            raise ImageError(
                f"the image {self._image()} is not there; run: plumb sandbox build"
            ) from error
        except (DockerException, requests.RequestException, OSError) as error:
            raise BoxLostError(f"Docker cannot start a box: {_line(error)}") from error
        channel = _Attached(*started)
        await channel.attach()
        return await Box.greet(channel)

    def _image(self) -> str:
        return self._settings.image or image_tag()

    def _check(self) -> None:
        client = connect()
        try:
            client.images.get(self._image())
            runtimes = client.info().get("Runtimes", {})
        except ImageNotFound as error:
            raise ImageError(
                f"the image {self._image()} is not there; run: plumb sandbox build"
            ) from error
        except (DockerException, requests.RequestException) as error:
            raise IsolationError(f"the Docker daemon does not answer: {_line(error)}") from error
        finally:
            client.close()
        wanted = self._settings.runtime
        if wanted is not None and wanted not in runtimes:
            raise IsolationError(
                f"the Docker daemon knows no runtime '{wanted}' (it has: "
                f"{', '.join(sorted(runtimes))}); install it and add it to daemon.json"
            )

    def _start(self) -> "tuple[docker.DockerClient, str, socket.socket]":
        client = docker.from_env(timeout=DAEMON_SECONDS)
        try:
            made = client.api.create_container(**self._options(client))
            number = made["Id"]
            try:
                attached = client.api.attach_socket(
                    number, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
                )
                client.api.start(number)
            except BaseException:
                with contextlib.suppress(DockerException, requests.RequestException):
                    client.api.remove_container(number, force=True)
                raise
        except BaseException:
            client.close()
            raise
        return client, number, getattr(attached, "_sock", attached)

    def _options(self, client: "docker.DockerClient") -> dict[str, Any]:
        settings = self._settings
        memory = f"{settings.box_memory_mb}m"
        protection = client.info().get("SecurityOptions") or []
        options = ["no-new-privileges", f"seccomp={json.dumps(container_profile())}"]
        if any("apparmor" in one for one in protection):
            options.append("apparmor=unconfined")  # Docker's profile forbids mounts in the box
        if any("selinux" in one for one in protection):
            options.append("label=disable")
        store = f"rw,exec,nosuid,nodev,size={settings.store_room_mb}m,nr_inodes=64k,mode=755"
        return {
            "image": self._image(),
            "command": settings.command("python3"),
            "environment": {"PYTHONPATH": AGENT_HOME, "PYTHONDONTWRITEBYTECODE": "1"},
            "stdin_open": True,
            "user": "0:0",
            "network_disabled": True,
            "hostname": "sandbox",
            "labels": {LABEL: "box"},
            "runtime": settings.runtime,
            "working_dir": "/",
            "host_config": client.api.create_host_config(
                auto_remove=True,
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                cap_add=CAPABILITIES,
                security_opt=options,
                tmpfs={"/store": store, "/tmp": "rw,nosuid,nodev,size=1m,nr_inodes=64,mode=755"},
                shm_size="1m",
                ipc_mode="private",
                pids_limit=settings.processes,
                mem_limit=memory,
                memswap_limit=memory,
                nano_cpus=int(settings.cpus * 1e9) if settings.cpus else None,
                log_config={"Type": "none"},
                cgroupns="private",
                ulimits=[docker.types.Ulimit(name="core", soft=0, hard=0)],
            ),
        }


class _Attached:
    """A container's standard streams."""

    def __init__(self, client: "docker.DockerClient", number: str, raw: socket.socket) -> None:
        self.name = number
        self._client = client
        self._raw = raw
        self._lines = asyncio.StreamReader(limit=LINE_BYTES)
        self._said: deque[str] = deque(maxlen=20)
        self._writer: asyncio.StreamWriter
        self._pump: asyncio.Task[None]

    async def attach(self) -> None:
        """Take the streams over to the event loop."""
        self._raw.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=self._raw, limit=1 << 20)
        self._pump = asyncio.get_running_loop().create_task(self._unframe(reader))

    async def readline(self) -> bytes:
        return await self._lines.readline()

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._pump.cancel()
        self._writer.close()
        await asyncio.gather(self._pump, self._writer.wait_closed(), return_exceptions=True)
        await asyncio.to_thread(self._remove)

    def last_words(self) -> str:
        return self._said[-1] if self._said else ""

    async def _unframe(self, reader: asyncio.StreamReader) -> None:
        """Take the daemon's frames apart: standard output, and complaints."""
        try:
            while True:
                stream, length = _FRAME.unpack(await reader.readexactly(_FRAME.size))
                data = await reader.readexactly(length)
                if stream == _STDERR:
                    self._said.extend(data.decode(errors="replace").strip().splitlines())
                else:
                    self._lines.feed_data(data)
        except (asyncio.IncompleteReadError, OSError):
            self._lines.feed_eof()

    def _remove(self) -> None:
        # It removes itself when it ends; this is for one that does not end.
        with contextlib.suppress(DockerException, requests.RequestException, OSError):
            self._client.api.remove_container(self.name, force=True)
        self._client.close()


def _line(error: Exception) -> str:
    explanation = getattr(error, "explanation", None) or error
    return " ".join(str(explanation).split())[:300]


def _root(error: BaseException) -> str:
    """What an exception that wraps others is about."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return " ".join(str(error).split())[:300]
