"""`plumb submit`: a run as a job of a Ray cluster."""

import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from re import fullmatch, sub
from secrets import token_hex
from typing import Any, Final

from rich.table import Table

from launch.cluster.jobs import JobError, Service, address_of, exit_code_of
from launch.cluster.package import CONFIG, Package, package_of, size_words
from launch.pages.console import wide_console
from launch.secret_words import (
    is_secret,
    refuse_secrets,
    refuse_secrets_of,
    texts_in,
)
from rl.config import RunConfig
from rl.config_file import load_config
from rl.errors import ConfigError
from rl.secret_words import has_password
from rl.trackers.pythons import VARIABLES, named

_GROUPED: Final = 6  # files of one kind and folder from which on the table gives their number


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be run, and how.

    Attributes:
        config: the config's path.
        overrides: `key.path=value`.
        address: of the job service.
        flags: of `plumb train`, such as --resume.
        variables: NAME=VALUE, for the job's environment.
        include: further files and folders.
        command: the `plumb` command on the cluster.
        name: the job's id; none: made of the run's.
        detach: do not follow it.
    """

    config: Path
    overrides: Sequence[str]
    address: str | None
    flags: Sequence[str] = ()
    variables: Sequence[str] = ()
    include: Sequence[Path] = ()
    command: str = "plumb"
    name: str | None = None
    detach: bool = False


def submit(request: Request, say: Callable[[str], None]) -> None:
    """Send a run to a cluster, and follow it to its end.

    Raises:
        ConfigError: something cannot be sent.
        ClusterError: the cluster does not take it.
        JobError: the job failed; with its exit code.
    """
    config = load_config(request.config, request.overrides, say=say)
    if config.cluster.address is not None:
        raise ConfigError(
            "cluster.address is for plumb train: a job joins the cluster that --address names, so "
            "leave it out"
        )
    package = package_of(config, request.include)
    sent = _sent(package, request)
    address = address_of(request.address)
    _refuse_secrets(package, sent, request)
    if not request.command.strip():
        raise ConfigError("--plumb is empty: give the command on the cluster, or leave it out")
    if request.name is not None and not fullmatch(r"[A-Za-z0-9_.-]+", request.name):
        raise ConfigError(f"--name {request.name}: an id has letters, digits, '_', '.' and '-'")
    show(package)
    service = Service(address)
    _compare_versions(service, say)
    with tempfile.TemporaryDirectory(prefix="plumb-job-") as folder:
        package.write(Path(folder))
        sent["runtime_env"]["working_dir"] = folder
        id = service.submit(**sent)
    say(f"submitted {id} to {address}")
    if request.detach:
        say(f"follow it: plumb jobs {id} --follow --address {address}")
        return
    follow(service, id, say)


def follow(service: Service, id: str, say: Callable[[str], None]) -> None:
    """Give a job's log until it ends; Ctrl-C asks whether it shall.

    Raises:
        JobError: it failed, or was stopped.
    """
    try:
        job = service.follow(id, _write)
    except KeyboardInterrupt:
        if not _confirmed(id):
            say(f"{id} goes on: plumb jobs {id} --follow --address {service.address}")
            raise
        service.stop(id)
        job = service.ended(id)
        say(f"{id} is {job.status.lower()}")
        raise
    if job.status != "SUCCEEDED":
        code = exit_code_of(job)
        raise JobError(f"job {id} {job.status.lower()}: {job.message}", code)
    say(f"{id} succeeded")


def show(package: Package) -> None:
    """A table of what goes along, and what the nodes must have."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_row(CONFIG, "settings, whole", size_words(len(package.text.encode())))
    groups: dict[tuple[str, str], list[int]] = {}
    for item in package.items.values():
        groups.setdefault((str(item.path.parent), item.kind), []).append(item.size)
    for item in package.items.values():
        sizes = groups[str(item.path.parent), item.kind]
        if len(sizes) < _GROUPED:
            table.add_row(str(item.path), item.kind, size_words(item.size))
    for (folder, kind), sizes in groups.items():
        if len(sizes) >= _GROUPED:
            table.add_row(f"{folder}/ ({len(sizes)} files)", kind, size_words(sum(sizes)))
    table.add_row("together", "", size_words(package.size))
    for key, path in package.elsewhere.items():
        table.add_row(path, key, "not sent: nodes have it")
    for name in named(package.config.trackers):
        table.add_row(VARIABLES[name], f"trackers.{name}", "not sent: set on the nodes")
    wide_console().print(table)


def _sent(package: Package, request: Request) -> dict[str, Any]:
    """What Ray is told of the job, but for its files."""
    variables = _variables(request.variables)
    if package.python_path:
        given = variables.get("PYTHONPATH")
        variables["PYTHONPATH"] = ":".join([*package.python_path, *([given] if given else [])])
    words = [request.command, "train", CONFIG, *request.flags]
    return {
        "entrypoint": " ".join([words[0], *map(shlex.quote, words[1:])]),
        "submission_id": request.name or _id_of(package.config),
        "runtime_env": {"env_vars": variables} if variables else {},
        "metadata": {
            "plumb": version("plumb-rl"),
            "config": request.config.name,
            "run_dir": str(package.config.run_dir),
        },
    }


def _variables(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator or not name.isidentifier():
            raise ConfigError(f"--env {name}: write it as NAME=VALUE")
        if is_secret(name, value):
            raise ConfigError(
                f"--env {name}: is called like a secret, and what a job is given can be read on "
                "Ray's dashboard: set it on the cluster's nodes before ray start"
            )
        if has_password(value):
            raise ConfigError(
                f"--env {name}: holds an address with a password, and what a job is given can be "
                "read on Ray's dashboard: set it on the cluster's nodes before ray start"
            )
        found[name] = value
    return found


def _refuse_secrets(package: Package, sent: dict[str, Any], request: Request) -> None:
    """Look through it as it is sent, and text by text: what quotes a text may change a secret."""
    refuse_secrets([(str(path), Path(path)) for path in package.items])
    described = [repr(sent), *texts_in(sent), request.command, *request.flags]
    refuse_secrets_of(package.config)
    refuse_secrets([("the job's description", text) for text in described])


def _id_of(config: RunConfig) -> str:
    name = sub(r"[^A-Za-z0-9_.-]+", "-", config.run_dir.name).strip("-.") or "run"
    return f"plumb-{name[:40]}-{token_hex(4)}"


def _compare_versions(service: Service, say: Callable[[str], None]) -> None:
    own = version("ray")
    if service.ray_version != own:
        say(f"warning: Ray is {service.ray_version} there and {own} here")


def _confirmed(id: str) -> bool:
    """Ask a person; nobody who can be asked means no, and so does a second Ctrl-C."""
    if not sys.stdin.isatty():
        return False
    try:
        answer = input(f"\nstop {id}? [y/N] ")
    except (EOFError, KeyboardInterrupt):
        return False
    return answer.strip().lower() in {"y", "yes"}


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
