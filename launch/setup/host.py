"""What this machine offers to an installation: its hardware, its Pythons, its system packages.

Standard library only: it runs under the system's own Python, before anything is installed. It
guarantees that every answer about the hardware comes with its reason, and that every missing piece
is named together with the apt package that holds it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SUPPORTED = ("3.11", "3.12")
PROBE_SECONDS = 30.0
PROBE = (
    "import sys; print('%d.%d.%d' % sys.version_info[:3], flush=True);"
    "import sysconfig; print(sysconfig.get_path('include'), flush=True);"
    "import ensurepip, venv"
)


class SetupError(Exception):
    """Set-up cannot go on. The message says what happened and what to do."""


@dataclass(frozen=True)
class Hardware:
    """Which lock file fits this machine ("cpu" or "cuda"), and what says so."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind.upper()} lock: {self.reason}"


@dataclass(frozen=True)
class Python:
    """An interpreter that can make the virtual environment."""

    path: str
    version: str
    include: Path
    has_venv: bool

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


def detect_hardware(env: Mapping[str, str], device: Path = Path("/dev/nvidia0")) -> Hardware:
    """Ask, in this order: PLUMB_HARDWARE, nvidia-smi, the first NVIDIA device file."""
    asked = env.get("PLUMB_HARDWARE", "")
    if asked not in ("", "cpu", "cuda"):
        raise SetupError(f"PLUMB_HARDWARE is {asked!r}; set it to cpu or cuda, or leave it unset")
    if asked:
        return Hardware(asked, f"PLUMB_HARDWARE={asked}")
    names, trouble = _gpus(env.get("PATH", ""))
    if names:
        return Hardware("cuda", f"nvidia-smi lists {len(names)} GPU(s), the first: {names[0]}")
    if device.exists():
        return Hardware("cuda", f"{device} exists ({trouble})")
    return Hardware("cpu", f"no NVIDIA GPU answered ({trouble})")


def _gpus(search_path: str) -> tuple[list[str], str]:
    """Names of the GPUs that nvidia-smi lists, or none and why."""
    command = shutil.which("nvidia-smi", path=search_path)
    if command is None:
        return [], "nvidia-smi not found"
    try:
        done = _run([command, "-L"])
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi failed: {error}"
    names = [line for line in done.stdout.splitlines() if line.startswith("GPU ")]
    if names:
        return [name.split(":", 1)[-1].split("(UUID")[0].strip() for name in names], ""
    said = (done.stdout + done.stderr).strip().splitlines()
    return [], f"nvidia-smi lists no GPU: {said[-1] if said else f'exit code {done.returncode}'}"


def require_platform() -> None:
    """The locks hold wheels of Linux on x86-64 alone."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise SetupError(
            f"the lock files are for Linux on x86_64; this is {sys.platform} on "
            f"{platform.machine()}. Use an x86_64 Linux host, a virtual machine or a container"
        )


def pick_python(env: Mapping[str, str]) -> Python:
    """The first interpreter of a supported version that can make a virtual environment."""
    asked = env.get("PLUMB_PYTHON")
    names = [f"python{version}" for version in SUPPORTED]
    candidates = [asked] if asked else [sys.executable, *names, *(f"/usr/bin/{n}" for n in names)]
    found = [python for python in map(probe_python, candidates) if python is not None]
    fitting = [python for python in found if python.minor in SUPPORTED]
    for python in fitting:
        if python.has_venv:
            return python
    if fitting:
        first = fitting[0]
        raise SetupError(
            f"Python {first.version} ({first.path}) cannot make virtual environments. "
            f"Install its module: sudo apt install python{first.minor}-venv"
        )
    seen = ", ".join(f"{python.version} ({python.path})" for python in found) or "none"
    raise SetupError(
        f"Plumb needs Python {' or '.join(SUPPORTED)}; found: {seen}. Install one: "
        "sudo apt install python3.11 python3.11-venv, or name one with PLUMB_PYTHON=/path/to/python"
    )


def probe_python(name: str) -> Python | None:
    """Ask an interpreter for its version; None if there is no working one under that name."""
    path = shutil.which(name)
    if path is None:
        return None
    try:
        done = _run([path, "-I", "-c", PROBE])
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.split()
    if len(lines) < 2:
        return None
    return Python(path, lines[0], Path(lines[1]), has_venv=done.returncode == 0)


def packages_to_run(hardware: Hardware, venv_python: Path) -> list[str]:
    """Apt packages that the installed stack needs when it runs, and that this machine lacks.

    vLLM for CPUs links against libnuma. Triton, on GPUs, compiles a launcher for each kernel with
    the C compiler and Python's headers.
    """
    if hardware.kind == "cpu":
        return [] if _loads("libnuma.so.1") else ["libnuma1"]
    missing = [] if shutil.which(os.environ.get("CC", "gcc")) else ["gcc"]
    python = probe_python(str(venv_python))
    if python is not None and not (python.include / "Python.h").exists():
        missing.append(f"python{python.minor}-dev")
    return missing


def require_space(folder: Path, gigabytes: int) -> None:
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise SetupError(
            f"{folder} has {free:.1f} GB free and the installation needs {gigabytes} GB. Free some "
            "space, or put the checkout on a larger disk"
        )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PROBE_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
