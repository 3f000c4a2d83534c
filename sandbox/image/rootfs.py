"""The image's root file system as a folder, for machines whose boxes are bubblewrap's.

Guarantees: the folder appears complete or not at all; one that holds anything else is not touched.
Without a daemon the same steps are run in a chroot, which needs root and debootstrap.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sandbox.errors import ImageError, IsolationError
from sandbox.image.base import bootstrap, run_steps, why_no_bootstrap
from sandbox.image.build import BUILD_SECONDS, Recipe, build_image
from sandbox.image.inputs import arguments, files, image_tag

Say = Callable[[str], None]

MARK: Final = "opt/plumb/image"  # in a root file system: the tag of what it holds
# In a mount namespace of its own, so that nothing stays mounted however it ends.
CHROOT: Final = 'mount -t proc proc "$1/proc" && exec chroot "$@"'


def export_rootfs(folder: Path, say: Say, recipe: Recipe | None = None) -> None:
    """Put the image's root file system into `folder`, unless it is there.

    Args:
        folder: Is made; an older root file system in it is replaced.
        say: Told what happens, line by line.
        recipe: How to build.

    Raises:
        ImageError: It cannot be made, or `folder` holds something else.
    """
    recipe = recipe or Recipe()
    folder = folder.absolute()
    if not recipe.force and _mark(folder) == image_tag():
        return
    if folder.exists() and not _is_ours(folder):
        raise ImageError(f"{folder} holds other files; name an empty or a new folder")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(unfinished):
        try:
            tag = build_image(say, recipe)
        except IsolationError as no_daemon:
            _build_by_chroot(unfinished, recipe, say, no_daemon)
        else:
            say(f"unpacking {tag}")
            _unpack(tag, unfinished)
        (unfinished / MARK).write_text(image_tag())
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)


@contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o755)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mark(folder: Path) -> str:
    with suppress(OSError):
        return (folder / MARK).read_text()
    return ""


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and (bool(_mark(folder)) or not any(folder.iterdir()))


def _unpack(tag: str, folder: Path) -> None:
    """Stream the files of `tag` out of the daemon, but for devices: bubblewrap makes its own."""
    import requests
    from docker.errors import DockerException

    from sandbox.backends.docker import connect

    command = ["tar", "-x", "-C", str(folder), "--numeric-owner", "--exclude=dev/*"]
    client = connect(BUILD_SECONDS)
    try:
        made = client.api.create_container(tag, command="true", network_disabled=True)["Id"]
        try:
            with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
                assert process.stdin is not None
                for chunk in client.api.export(made):
                    process.stdin.write(chunk)
        finally:
            client.api.remove_container(made, force=True)
    except (DockerException, requests.RequestException, OSError) as error:
        raise ImageError(f"{tag} cannot be unpacked to {folder}: {error}") from error
    finally:
        client.close()
    if process.returncode != 0:
        raise ImageError(f"{tag} cannot be unpacked to {folder}; is the disk full?")


def _build_by_chroot(folder: Path, recipe: Recipe, say: Say, no_daemon: IsolationError) -> None:
    if recipe.base is not None:
        raise ImageError(f"a base of another name needs a daemon: {no_daemon}") from no_daemon
    if reason := why_no_bootstrap():
        raise ImageError(f"no Docker daemon answers, and {reason}") from no_daemon
    say("no Docker daemon answers; building in a chroot")
    bootstrap(folder, recipe.snapshot, say)
    home = folder / "opt/plumb"
    for name, data in files().items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    resolver = folder / "etc/resolv.conf"
    shutil.copy("/etc/resolv.conf", resolver)
    settings = arguments() | {"SNAPSHOT": recipe.snapshot}
    environment = [f"{name}={text}" for name, text in settings.items()]
    for step in ("packages", "headers", "agent"):
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", CHROOT, "chroot"]
        inner = [str(folder), "env", *environment, "sh", "/opt/plumb/setup.sh", step]
        run_steps([*command, *inner], say, f"the step '{step}' failed")
    resolver.unlink()
    shutil.rmtree(folder / "dev")
    (folder / "dev").mkdir()
