"""Where an agent runs: boxes that reach the endpoint and nothing else, or this machine.

Guarantees of a box: no network but a loopback of its own, on which a port is passed on to the
endpoint; no file of this machine but those that the settings show it, read-only; no rights; its
own process and user numbers; memory and processes are bounded (`bounds`); all of it ends with the
agent, and with the process that started it, however that ends. The port is passed on within the
box, by Python; of an image of the user's nothing is known, so that a second container does it
beside it.
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
from rl.endpoint.bounds import OWN, bounded
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
        keeps_input: Whether the input of `command` stays open behind the task: it ends with that.
    """

    command: list[str]
    host: str
    folder: str | None = None
    end: Callable[[], Awaitable[None]] | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH, **PLAIN})
    keeps_input: bool = False


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
    """Containers without a network: Plumb's image passes the port on itself; another has a second
    container beside it that does, as nothing is known of what can be run in it.
    """

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
        is_own = self._agent.image is None
        door = None if is_own else f"{name}-door"

        async def end() -> None:
            await docker("rm", "--force", *filter(None, (door, name)))

        run = [shutil.which("docker") or "docker", "run"]
        process = None
        try:
            if door is not None:
                process = await opened([*run, *self._door(door, socket)])
            run += self._box(name, names, door)
            run += self._own(socket) if is_own else self._other()
            host, variables = f"http://127.0.0.1:{PORT}", os.environ
            yield Place(run, host, end=end, variables=variables, keeps_input=is_own)
        finally:
            await asyncio.shield(end())
            if process is not None:
                await ended(process)

    def _door(self, door: str, socket: Path) -> list[str]:
        """The container that passes the port on."""
        return [
            "--interactive", "--rm", "--name", door, "--network", "none", *_WALLS,
            "--memory", "64m", "--pids-limit", "256", "--user", "65533:65533", *_passing(socket),
        ]  # fmt: skip

    def _own(self, socket: Path) -> list[str]:
        """The agent in Plumb's image, beside what passes the port on and ends with this run."""
        return [*_passing(socket), "line", "--", *self._agent.command]

    def _other(self) -> list[str]:
        """The agent in another image."""
        first, *arguments = self._agent.command
        return ["--entrypoint", first, self._image, *arguments]

    def _box(self, name: str, names: Sequence[str], door: str | None) -> list[str]:
        agent = self._agent
        memory, processes = f"{agent.memory_mb}m", agent.processes + (OWN if door is None else 0)
        options = ["--rm", "--interactive", "--name", name, *_WALLS]
        if door is None:
            options += ["--network", "none"]
        else:  # its processes are that one's, so that it ends with that one, and that with this run
            options += ["--network", f"container:{door}", "--pid", f"container:{door}"]
        options += [
            "--memory", memory, "--memory-swap", memory, "--pids-limit", str(processes),
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
        return options


def _passing(socket: Path) -> list[str]:
    """What passes the port on in a container of Plumb's image: the end of its options, and of what
    it runs.
    """
    return [
        "--volume", f"{socket}:{_PLACE}/endpoint.sock",
        "--volume", f"{forward_file}:{_PLACE}/forward.py:ro",
        "--entrypoint", "python3", image_tag(),
        "-I", "-S", f"{_PLACE}/forward.py", str(PORT), f"{_PLACE}/endpoint.sock",
    ]  # fmt: skip


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
