"""The image's base: Debian from the daemon's registry or, where none answers, by debootstrap.

Guarantees: a registry that does not answer is given up within PULL_SECONDS; debootstrap takes only
what Debian's archive keys have signed; its result is imported once and then reused.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox.errors import ImageError
from sandbox.image.inputs import BASE_IMAGE, SUITE

if TYPE_CHECKING:
    import docker

Say = Callable[[str], None]

PULL_SECONDS: Final = 12.0  # of silence by the registry
BOOTSTRAP_SECONDS: Final = 1800.0
BASE_REPOSITORY: Final = "plumb-sandbox-base"
ARCHIVE: Final = "http://deb.debian.org/debian"
SNAPSHOTS: Final = "http://snapshot.debian.org/archive"
UNNEEDED: Final = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
CACHES: Final = ("var/cache/apt", "var/lib/apt/lists", "var/log")


def find_base(
    client: "docker.DockerClient", base: str | None, snapshot: str, say: Say, *, anew: bool = False
) -> str:
    """A reference of a base that the daemon has.

    Args:
        client: The daemon.
        base: Reference that the user wants, such as `debian@sha256:...`; None: BASE_IMAGE.
        snapshot: Instant of snapshot.debian.org, or empty.
        say: Told what happens, line by line.
        anew: Pull or make it even if it is there.

    Raises:
        ImageError: There is none, and none can be made; says what to do.
    """
    wanted = base or BASE_IMAGE
    is_there = _is_there(client, wanted)
    if is_there and not anew:
        return wanted
    made = _bootstrapped_tag(snapshot)
    if base is None and not anew and _is_there(client, made):
        return made
    try:
        _pull(wanted, say)
    except ImageError as no_registry:
        if is_there:
            say(f"{no_registry}; taking the one that is there")
            return wanted
        if base is not None:
            hint = "check the reference and the registry, or leave --base out"
            raise ImageError(f"{no_registry}; {hint}") from no_registry
        if reason := why_no_bootstrap():
            raise ImageError(f"{no_registry}, and {reason}") from no_registry
        say(f"{no_registry}; making the base with debootstrap")
        _import(client, made, snapshot, say)
        return made
    return wanted


def why_no_bootstrap() -> str:
    """Why debootstrap cannot be used here, and what to do; empty if it can."""
    if shutil.which("debootstrap") is None:
        return "debootstrap is not installed; run: sudo apt install debootstrap"
    if os.geteuid() != 0:
        return "debootstrap needs root; run: sudo .venv/bin/plumb sandbox build"
    return ""


def bootstrap(folder: Path, snapshot: str, say: Say) -> None:
    """Put a minimal Debian into the empty `folder`.

    Raises:
        ImageError: debootstrap failed.
    """
    sources = apt_sources(snapshot)
    command = ["debootstrap", "--variant=minbase", "--force-check-gpg"]
    if any(line.startswith("deb https:") for line in sources):
        command.append("--include=ca-certificates")
    run_steps([*command, SUITE, str(folder), sources[0].split()[1]], say, "debootstrap failed")
    for name in (*UNNEEDED, *CACHES):
        for path in (folder / name).iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (folder / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in sources))


def run_steps(command: Sequence[str], say: Say, failure: str) -> None:
    """Run a command of this machine to its end, and pass on what it says.

    Raises:
        ImageError: It failed; holds its last words after `failure`.
    """
    last = ""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},
    ) as process:
        timer = threading.Timer(BOOTSTRAP_SECONDS, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip():
                    last = line.strip()
                    say(last)
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            timer.cancel()
    if process.returncode != 0:
        raise ImageError(f"{failure}: {last}; check that this machine reaches Debian's mirror")


def apt_sources(snapshot: str) -> list[str]:
    """Where packages come from: a snapshot, else this machine's own mirrors of Debian.

    A mirror counts as Debian's if its address ends as Debian's own does. An address with a
    password in it is passed over: the image would carry it.
    """
    if snapshot:
        archives = [f"{SNAPSHOTS}/debian/{snapshot}", f"{SNAPSHOTS}/debian-security/{snapshot}"]
        return _lines(archives[0], archives[1], "[check-valid-until=no] ")
    found: dict[str, str] = {}
    with suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        ).stdout
        for uri, release, component in (line.split() for line in listed.splitlines()):
            is_debian = uri.rstrip("/").endswith(("/debian", "/debian-security"))
            if component == "main" and is_debian and "@" not in uri and uri.startswith("http"):
                found.setdefault(release, uri.rstrip("/"))
    archive = found.get(SUITE, ARCHIVE)
    security = found.get(f"{SUITE}-security", f"{ARCHIVE}-security")
    return _lines(archive, security, "")


def _lines(archive: str, security: str, options: str) -> list[str]:
    return [
        f"deb {options}{archive} {SUITE} main",
        f"deb {options}{archive} {SUITE}-updates main",
        f"deb {options}{security} {SUITE}-security main",
    ]


def _bootstrapped_tag(snapshot: str) -> str:
    inputs = "\n".join([SUITE, *apt_sources(snapshot), *UNNEEDED, *CACHES])
    return f"{BASE_REPOSITORY}:{SUITE}-{hashlib.sha256(inputs.encode()).hexdigest()[:12]}"


def _is_there(client: "docker.DockerClient", reference: str) -> bool:
    from docker.errors import ImageNotFound

    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


def _pull(reference: str, say: Say) -> None:
    import requests
    from docker.errors import DockerException
    from urllib3.exceptions import HTTPError

    from sandbox.backends.docker import connect

    say(f"pulling {reference}")
    client = connect(PULL_SECONDS)  # its deadline is for every read of the stream
    try:
        for event in client.api.pull(reference, stream=True, decode=True):
            if "error" in event:
                raise ImageError(f"{reference} cannot be pulled: {_short(event['error'])}")
    except (requests.RequestException, HTTPError, OSError) as error:
        raise ImageError(f"no registry gives {reference}") from error
    except DockerException as error:
        raise ImageError(f"{reference} cannot be pulled: {_short(error)}") from error
    finally:
        client.close()


def _import(client: "docker.DockerClient", tag: str, snapshot: str, say: Say) -> None:
    repository, _, name = tag.partition(":")
    with tempfile.TemporaryDirectory(prefix="plumb-base-") as folder:
        root = Path(folder, "root")
        root.mkdir()
        bootstrap(root, snapshot, say)
        say(f"importing {tag}")
        client.api.import_image_from_stream(_archive(root), repository=repository, tag=name)


def _archive(root: Path) -> Iterator[bytes]:
    command = ["tar", "--numeric-owner", "--one-file-system", "-C", str(root), "-c", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while chunk := process.stdout.read(1 << 20):
            yield chunk
    if process.returncode != 0:
        raise ImageError("tar could not pack the base; is the disk full?")


def _short(error: object) -> str:
    return " ".join(str(getattr(error, "explanation", None) or error).split())[:200]
