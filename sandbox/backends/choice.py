"""Which backend a sandbox has."""

from typing import Literal, Protocol

from sandbox.backends.settings import BoxSettings
from sandbox.box import Box
from sandbox.errors import ImageError, IsolationError

BackendName = Literal["auto", "docker", "bubblewrap"]


class Backend(Protocol):
    """Makes boxes."""

    name: str

    async def check(self) -> None:
        """Look whether boxes can be made; raises SandboxError if not."""

    async def open(self) -> Box:
        """Start a box; raises BoxLostError if that fails for now, SandboxError if for good."""


async def choose(name: BackendName, settings: BoxSettings) -> Backend:
    """The backend called `name`; auto: Docker where a daemon answers, else bubblewrap.

    Raises:
        SandboxError: It cannot make boxes here. Untrusted code is then not run at all.
    """
    if name == "docker":
        from sandbox.backends.docker import DockerBackend

        backend: Backend = DockerBackend(settings)
        await backend.check()
        return backend
    if name == "bubblewrap":
        from sandbox.backends.bubblewrap import BubblewrapBackend

        backend = BubblewrapBackend(settings)
        await backend.check()
        return backend
    try:
        return await choose("docker", settings)
    except ImageError:
        raise  # a daemon that answers is what the user wants
    except IsolationError as no_docker:
        try:
            return await choose("bubblewrap", settings)
        except IsolationError as no_bubblewrap:
            raise IsolationError(
                f"nothing here can isolate a program: {no_docker}; {no_bubblewrap}"
            ) from no_bubblewrap
