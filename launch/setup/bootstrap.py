"""Makes `.venv` from nothing: `python3 -m launch.setup.bootstrap`, which is what `make setup` runs.

Standard library only, because it runs before anything is installed. Guarantees: every package is
the one that the lock file names, by hash; a second run with nothing to do takes under a second; a
run after an interrupted one repairs what it finds and goes on; a failure is one line on stderr.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from launch.setup.host import (
    Hardware,
    SetupError,
    detect_hardware,
    packages_to_run,
    pick_python,
    require_platform,
    require_space,
)
from launch.setup.installer import NoDistributionError, Pip, Progress, remove_half_installed

# PyPI has no CPU-only build of torch. Where pip's own settings do not lead to one, this index does.
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
GIGABYTES = {"cpu": 5, "cuda": 20}
VERIFY = (
    "import torch, ray, transformers, deepspeed, vllm, pyarrow, pydantic; print(torch.__version__)"
)
VERIFY_SECONDS = 300.0
REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)


@dataclass(frozen=True)
class Stamp:
    """What a virtual environment holds. Empty digests: its installation has not ended."""

    hardware: str
    locks: str = ""
    project: str = ""

    @classmethod
    def read(cls, path: Path) -> Stamp | None:
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        unfinished.replace(path)


@dataclass(frozen=True)
class Checkout:
    """The files of one checkout that decide what is installed."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        return self.venv / "plumb-setup.json"

    def lock(self, name: str) -> Path:
        return self.root / "launch" / "locks" / f"{name}.txt"

    def wanted(self, hardware: Hardware) -> Stamp:
        locks = [self.lock(name) for name in ("build", hardware.kind, "dev")]
        project = [self.root / "pyproject.toml"]
        return Stamp(hardware.kind, locks=_digest(locks), project=_digest(project))


def setup(checkout: Checkout, env: Mapping[str, str]) -> None:
    """Bring the checkout's virtual environment in step with its lock files."""
    require_platform()
    hardware = detect_hardware(env)
    say(str(hardware))
    wanted = checkout.wanted(hardware)
    found = Stamp.read(checkout.stamp)
    venv_python = checkout.venv / "bin" / "python"
    alive = os.access(venv_python, os.X_OK)
    if not (alive and found == wanted):
        pip = make_venv(checkout, hardware, env)
        if not (alive and found and (found.hardware, found.locks) == (hardware.kind, wanted.locks)):
            install_locks(checkout, hardware, pip)
        install_project(checkout, pip)
        verify(pip)
        wanted.write(checkout.stamp)
    missing = packages_to_run(hardware, venv_python)
    if missing:
        say(f"Installed, but vLLM cannot run here before: sudo apt install {' '.join(missing)}")
    else:
        say("Ready: .venv holds everything in the lock. Next: make quickstart")


def make_venv(checkout: Checkout, hardware: Hardware, env: Mapping[str, str]) -> Pip:
    """A virtual environment with a working pip: the one that is there, if it can be kept."""
    pip = Pip(checkout.venv, sys.stdout)
    found = Stamp.read(checkout.stamp)
    if found is not None and found.hardware == hardware.kind and pip.works():
        broken = remove_half_installed(pip.site_packages)
        if broken:
            say(f"  going on after an interrupted set-up ({len(broken)} packages to repair)")
        return pip
    python = pick_python(env)
    require_space(checkout.root, GIGABYTES[hardware.kind])
    progress = Progress("virtual environment", sys.stdout)
    command = [python.path, "-I", "-m", "venv", "--clear", str(checkout.venv)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        reason = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise SetupError(f"{' '.join(command)} failed: {''.join(reason)}")
    Stamp(hardware.kind).write(checkout.stamp)
    progress.done(f"Python {python.version} ({python.path})")
    return pip


def install_locks(checkout: Checkout, hardware: Hardware, pip: Pip) -> None:
    """Install pip and the build tools, then torch, then everything else, all by hash."""
    Stamp(hardware.kind).write(checkout.stamp)
    build, lock, dev = (checkout.lock(name) for name in ("build", hardware.kind, "dev"))
    pip.install("build tools", ["--require-hashes", "-r", str(build)], count(build))
    # Packages that come as source are built with the locked tools, out of sight of torch.
    arguments = ["--progress-bar", "raw", "--require-hashes", f"--build-constraint={build}"]
    if hardware.kind == "cpu":
        install_cpu_torch(lock, pip, arguments)
    files = ["-r", str(lock), "-r", str(dev)]
    pip.install("packages", [*arguments, *files], count(lock, dev))


def install_cpu_torch(lock: Path, pip: Pip, arguments: list[str]) -> None:
    """torch's CPU build, from where pip is told to look, else from PyTorch's own index."""
    alone = pip.venv / "torch.txt"
    alone.write_text(requirement(lock.read_text(encoding="utf-8"), "torch"), encoding="utf-8")
    try:
        pip.install("torch", [*arguments, "-r", str(alone)])
    except NoDistributionError:
        say(f"  torch: pip's indexes hold no CPU build; asking {TORCH_INDEX}")
        try:
            pip.install("torch", [*arguments, "--index-url", TORCH_INDEX, "-r", str(alone)])
        except NoDistributionError as error:
            raise SetupError(
                f"no CPU build of torch: pip's indexes hold none and {TORCH_INDEX} did not give "
                f"one. Check that this host reaches it or a mirror of it. pip's log: {pip.log}"
            ) from error


def install_project(checkout: Checkout, pip: Pip) -> None:
    arguments = ["--no-build-isolation", "--editable", str(checkout.root)]
    pip.install("plumb itself", arguments)


def verify(pip: Pip) -> None:
    """Import what training needs, so that a broken installation shows here and not in a run."""
    progress = Progress("imports", sys.stdout)
    progress.show("loading torch, ray, vllm and deepspeed")
    command = [str(pip.python), "-I", "-W", "ignore", "-c", VERIFY]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=VERIFY_SECONDS, check=False
    )
    with pip.log.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(command)}\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        reason = "".join(done.stderr.strip().splitlines()[-1:])
        raise SetupError(f"the installed packages do not import: {reason}. Log: {pip.log}")
    progress.done(f"torch {done.stdout.split()[-1]}, ray, vllm and deepspeed load")


def requirement(lock: str, name: str) -> str:
    """The lines of one package in a lock file: its pin, its marker and its hashes."""
    found = re.search(rf"^{re.escape(name)}==.*(?:\n[ #].*)*", lock, re.MULTILINE)
    if found is None:
        raise SetupError(f"the lock file holds no {name}; regenerate it with make lock")
    return found[0] + "\n"


def count(*locks: Path) -> int:
    """How many packages the lock files name together."""
    return len({name for lock in locks for name in REQUIREMENT.findall(lock.read_text("utf-8"))})


def say(line: str) -> None:
    print(line, flush=True)


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def main() -> int:
    try:
        setup(Checkout(Path(__file__).resolve().parents[2]), os.environ)
    except (SetupError, OSError, subprocess.TimeoutExpired) as error:
        print(f"make setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmake setup: stopped. Run it again to go on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
