"""Where an agent runs: boxes that reach the endpoint and nothing else, or this machine.

Guarantees of a box: no network but a loopback of its own, on which a port is passed on to the
endpoint; no file of this machine but those that the settings show it, read-only; no rights; its
own process and user numbers; memory and processes are bounded (`bounds`); all of it ends with the
agent. An image needs nothing of Plumb: the port is passed on from a container beside it. A plain
process ends with the process that started it, however that ends.
"""

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from rl.config.agent import AgentConfig
from rl.endpoint.bounds import bounded
from rl.endpoint.commands import docker, ended, opened, said_by
from rl.endpoint.forward import __file__ as forward_file
from rl.errors import ConfigError
from sandbox.backends.bubblewrap import host_files, host_python
from sandbox.image.inputs import image_tag

PORT: Final = 8000
HOME: Final = "/agent"
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLAIN: Final = {"HOME": "/tmp", "LANG": "C.UTF-8"}
_PLACE: Final = "/run/plumb"
TMP_BYTES: Final = 256 << 20
RUN_BYTES: Final = 1 << 20
LABEL: Final = "plumb.agent"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one agent is started.

    Attributes:
        command: What is run on this machine.
        host: The endpoint's scheme, host and port, as the agent sees them.
        folder: The working directory of `command`.
        end: Ends what `command` has started elsewhere.
        variables: What `command` finds in its environment, beside what the agent is to find.
    """

    command: list[str]
    host: str
    folder: str | None = None
    end: Callable[[], Awaitable[None]] | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH, **PLAIN})


class Places(Protocol):
    """Makes places for agents."""

    async def check(self) -> None:
        """Look whether there can be any; raises ConfigError."""

    def open(
        self, socket: Path, url: str, names: Sequence[str]
    ) -> contextlib.AbstractAsyncContextManager[Place]:
        """A place for one agent.

        Args:
            socket: The endpoint's.
            url: The endpoint's host and port for this machine.
            names: Of the environment variables that the agent gets.
        """


class Here:
    """Plain processes of this machine."""

    def __init__(self, agent: AgentConfig) -> None:
        self._agent = agent

    async def check(self) -> None:
        """Whether the program is there."""
        folder = self._agent.folder
        name = self._agent.command[0]
        if not shutil.which(name) and not (folder is not None and (folder / name).exists()):
            raise ConfigError(f"agent.command: there is no program {name!r}")

    @asynccontextmanager
    async def open(self, socket: Path, url: str, names: Sequence[str]) -> AsyncIterator[Place]:
        folder = self._agent.folder
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        where = str(folder) if folder else None
        yield Place([*_follow(), *self._agent.command], url, where, variables=kept)


def _follow() -> list[str]:
    """What runs a command that is killed as soon as the process that started it is gone."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


class Bubblewrap:
    """Boxes made by `bwrap`."""

    def __init__(self, agent: AgentConfig) -> None:
        self._agent = agent

    async def check(self) -> None:
        """Whether bubblewrap works here."""
        if shutil.which("bwrap") is None:
            raise ConfigError(
                "agent.isolation: bubblewrap is not installed; run: sudo apt install bubblewrap "
                "(or start Docker)"
            )
        code, said = await said_by(self._command(Path(forward_file), ["true"]))
        if code:
            raise ConfigError(f"agent.isolation: bubblewrap cannot make a box here: {said}")

    @asynccontextmanager
    async def open(self, socket: Path, url: str, names: Sequence[str]) -> AsyncIterator[Place]:
        async with bounded(self._agent.memory_mb, self._agent.processes) as bounds:
            command = self._command(socket, self._agent.command, bounds.limits)
            yield Place([*bounds.join, *command], f"http://127.0.0.1:{PORT}")

    def _command(self, socket: Path, run: Sequence[str], limits: Sequence[str] = ()) -> list[str]:
        agent = self._agent
        python = "/usr/bin/python3"
        command = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--unshare-all"]
        command += ["--new-session", "--hostname", "agent"]
        if os.geteuid() == 0:
            command += ["--cap-drop", "ALL"]
        if agent.rootfs is not None:
            command += _files_of(agent.rootfs.absolute())
        else:
            python, prefix = host_python()
            command += host_files(prefix)
        command += ["--proc", "/proc", "--dev", "/dev"]
        for folder, size in (("/tmp", TMP_BYTES), ("/run", RUN_BYTES)):
            command += ["--size", str(size), "--tmpfs", folder]
        command += ["--ro-bind", forward_file, f"{_PLACE}/forward.py"]
        command += ["--bind", str(socket), f"{_PLACE}/endpoint.sock"]
        for path in agent.readable:
            command += ["--ro-bind", str(path.absolute()), str(path.absolute())]
        if agent.folder is None:
            command += ["--dir", HOME]
        else:
            command += ["--ro-bind", str(agent.folder.absolute()), HOME]
        inside = [python, "-I", "-S", f"{_PLACE}/forward.py", str(PORT), f"{_PLACE}/endpoint.sock"]
        return [*command, "--chdir", HOME, "--", *inside, *limits, "--", *run]


def _files_of(rootfs: Path) -> list[str]:
    """What shows a root file system, part by part: other parts can stand beside them then."""
    command = []
    for path in sorted(rootfs.iterdir()):
        inside = f"/{path.name}"
        if path.is_symlink():
            command += ["--symlink", str(path.readlink()), inside]
        elif path.name not in ("proc", "dev", "tmp", "run"):
            command += ["--ro-bind", str(path), inside]
    return command


class Docker:
    """Containers, each beside one that passes the port on and has no network either."""

    def __init__(self, agent: AgentConfig) -> None:
        self._agent = agent

    async def check(self) -> None:
        """Whether Docker answers, and has the images."""
        for image in (self._image, image_tag()):
            code, said = await docker("image", "inspect", "--format", "{{.Id}}", image)
            if code:
                remedy = "run: plumb sandbox build" if image == image_tag() else "pull or build it"
                raise ConfigError(f"agent.image: {image} cannot be used ({said}); {remedy}")

    @property
    def _image(self) -> str:
        return self._agent.image or image_tag()

    @asynccontextmanager
    async def open(self, socket: Path, url: str, names: Sequence[str]) -> AsyncIterator[Place]:
        name = f"plumb-agent-{uuid.uuid4().hex[:12]}"
        door = f"{name}-door"

        async def end() -> None:
            await docker("rm", "--force", door, name)

        program = shutil.which("docker") or "docker"
        process = None
        try:
            process = await opened([program, "run", *self._door(door, socket)])
            command = [program, "run", *self._box(name, door, names), *self._agent.command[1:]]
            yield Place(command, f"http://127.0.0.1:{PORT}", end=end, variables=os.environ)
        finally:
            await asyncio.shield(end())
            if process is not None:
                await ended(process)

    def _door(self, door: str, socket: Path) -> list[str]:
        """The container that passes the port on."""
        return [
            "--interactive", "--rm", "--name", door, "--network", "none", *_WALLS,
            "--memory", "64m", "--pids-limit", "256", "--user", "65533:65533",
            "--volume", f"{socket}:{_PLACE}/endpoint.sock",
            "--volume", f"{forward_file}:{_PLACE}/forward.py:ro",
            "--entrypoint", "python3", image_tag(),
            "-I", "-S", f"{_PLACE}/forward.py", str(PORT), f"{_PLACE}/endpoint.sock",
        ]  # fmt: skip

    def _box(self, name: str, door: str, names: Sequence[str]) -> list[str]:
        agent = self._agent
        memory = f"{agent.memory_mb}m"
        options = [
            "--rm", "--interactive", "--name", name, "--network", f"container:{door}", *_WALLS,
            "--pid", f"container:{door}",  # so that it ends with that one, and that with this run
            "--memory", memory, "--memory-swap", memory, "--pids-limit", str(agent.processes),
            "--user", "65534:65534", "--workdir", HOME,
            "--tmpfs", "/tmp:rw,nosuid,nodev,size=256m,mode=1777",
        ]  # fmt: skip
        for path in agent.readable:
            options += ["--volume", f"{path.absolute()}:{path.absolute()}:ro"]
        if agent.folder is None:
            options += ["--tmpfs", f"{HOME}:rw,nosuid,nodev,size=16m,mode=1777"]
        else:
            options += ["--volume", f"{agent.folder.absolute()}:{HOME}:ro"]
        for name_, value in PLAIN.items():
            options += ["--env", f"{name_}={value}"]
        for variable in names:  # their values are those of the command's environment
            options += ["--env", variable]
        return [*options, "--entrypoint", agent.command[0], self._image]


_WALLS: Final = (
    "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
    "--log-driver", "none", "--label", LABEL, "--ipc", "private",
)  # fmt: skip


async def places_of(agent: AgentConfig) -> Places:
    """Where the agents of a run are started; looked at once.

    Raises:
        ConfigError: There is no such place here.
    """
    kinds: dict[str, Callable[[AgentConfig], Places]] = {
        "docker": Docker,
        "bubblewrap": Bubblewrap,
        "none": Here,
    }
    if agent.isolation != "auto":
        found = kinds[agent.isolation](agent)
    else:
        code, _ = await docker("version", "--format", "{{json .Server.Version}}")
        found = Docker(agent) if code == 0 or agent.image is not None else Bubblewrap(agent)
    shown = [("folder", agent.folder), ("rootfs", agent.rootfs)]
    for name, path in (*shown, *(("readable", one) for one in agent.readable)):
        if path is not None and not path.exists():
            raise ConfigError(f"agent.{name}: there is no {path}")
    await found.check()
    return found
