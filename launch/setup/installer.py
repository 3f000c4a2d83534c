"""Runs pip so that a person can watch it.

Guarantees: pip's whole output is in the log; the terminal shows one moving line (a line every ten
seconds where there is no terminal); a failure is one sentence with the log's path; no pip process
outlives the call; a half-installed package is never taken for an installed one.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from launch.setup.host import SetupError

DEADLINE_SECONDS = 3600.0
STOP_SECONDS = 10.0
QUIET_LINE_SECONDS = 10.0
SEEN = re.compile(r"^(?:Collecting|Processing|Requirement already satisfied:) ?(\S+)")
FETCHED = re.compile(r"^\s+Downloading (\S+) \((.+)\)")
FETCHING = re.compile(r"^Progress (\d+) of (\d+)")
CHECK_INDEX = "check the network and pip's settings (pip config list)"
REMEDIES = {
    "No space left": "free some disk space",
    "DO NOT MATCH THE HASHES": "a download is not the locked one; run: pip cache purge",
    "NewConnectionError": CHECK_INDEX,
    "NameResolutionError": CHECK_INDEX,
    "ReadTimeoutError": CHECK_INDEX,
    "No matching distribution": CHECK_INDEX,
}


class NoDistributionError(SetupError):
    """The configured package indexes do not hold a requirement."""


class Progress:
    """One moving line on a terminal; elsewhere a plain line now and then."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._moving = stream.isatty()
        self._started = time.monotonic()
        self._shown = self._started if not self._moving else 0.0

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now - self._shown < (0.1 if self._moving else QUIET_LINE_SECONDS):
            return
        self._shown = now
        line = f"  {self._title}: {text}, {now - self._started:.0f} s"
        width = shutil.get_terminal_size().columns - 1
        self._write(f"\r\x1b[K{line[:width]}" if self._moving else f"{line}\n")

    def done(self, text: str) -> None:
        took = time.monotonic() - self._started
        start = "\r\x1b[K" if self._moving else ""
        self._write(f"{start}  {self._title}: {text} in {took:.0f} s\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


@dataclass(frozen=True)
class Pip:
    """pip of one virtual environment; pip's own configuration of this machine stays in force."""

    venv: Path
    stream: TextIO

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def log(self) -> Path:
        return self.venv / "setup.log"

    @property
    def site_packages(self) -> Path:
        return next((self.venv / "lib").glob("python3.*")) / "site-packages"

    def works(self) -> bool:
        if not os.access(self.python, os.X_OK):
            return False
        command = [str(self.python), "-I", "-m", "pip", "--version"]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0

    def install(self, title: str, arguments: Sequence[str], total: int = 1) -> None:
        """Install, showing progress as a share of `total` packages; SetupError if pip fails."""
        # -I keeps the checkout's own folders and PYTHONPATH out of pip's way.
        command = [str(self.python), "-I", "-m", "pip", "--no-input", "install", "--no-deps"]
        command += ["--no-compile"]  # half of the time goes into modules that nobody imports
        environment = {**os.environ, "PIP_USER": "0", "PIP_NO_COLOR": "1", "TERM": "dumb"}
        progress = Progress(title, self.stream)
        watcher = _Watcher(total, self.site_packages)
        complaints: list[str] = []
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n$ {' '.join([*command, *arguments])}\n")
            process = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
            )
            try:
                for line in _lines(process, time.monotonic() + DEADLINE_SECONDS):
                    if line and not FETCHING.match(line):
                        log.write(line)
                        log.flush()
                    if line.strip().startswith("ERROR:") or any(sign in line for sign in REMEDIES):
                        complaints.append(line.strip())
                    progress.show(watcher.read(line))
            finally:
                _stop(process)
        if process.returncode != 0:
            raise self._failure(title, complaints)
        progress.done(f"{total} package{'s' if total > 1 else ''}")

    def _failure(self, title: str, complaints: Sequence[str]) -> SetupError:
        errors = [line for line in complaints if line.startswith("ERROR:")]
        cause = (errors or complaints or ["pip gave no reason"])[-1].removeprefix("ERROR: ")
        remedies = [text for sign, text in REMEDIES.items() if any(sign in c for c in complaints)]
        remedy = f" To do: {remedies[0]}." if remedies else ""
        missing = any("No matching distribution" in line for line in complaints)
        kind = NoDistributionError if missing else SetupError
        return kind(f"{title}: {cause.rstrip('.')}.{remedy} pip's log: {self.log}")


class _Watcher:
    """Turns pip's output into a few words on how far it is."""

    def __init__(self, total: int, site_packages: Path) -> None:
        self._total = total
        self._site_packages = site_packages
        self._seen = 0
        self._current = ""
        self._installing = False

    def read(self, line: str) -> str:
        if line.startswith("Installing collected packages"):
            self._installing = True
        elif seen := SEEN.match(line):
            self._seen += 1
            self._current = Path(seen[1]).name.split("==")[0].split("-")[0]
        elif fetched := FETCHED.match(line):
            self._current = f"{fetched[1].split('-')[0]} ({fetched[2]})"
        elif fetching := FETCHING.match(line):
            share = 100 * int(fetching[1]) // max(1, int(fetching[2]))
            return f"{self._fetched()} {share}%"
        if self._installing:
            return f"installed {min(self._installed(), self._total)} of {self._total}"
        return self._fetched()

    def _fetched(self) -> str:
        return f"fetched {min(self._seen, self._total)} of {self._total} {self._current}".strip()

    def _installed(self) -> int:
        return sum(1 for _ in self._site_packages.glob("*.dist-info"))


def remove_half_installed(site_packages: Path) -> list[str]:
    """Forget packages whose installation was cut off, so that pip installs them again.

    pip writes INSTALLER after a package's last file and lists it in RECORD at the very end; a
    folder that starts with `~` is what pip sets aside while it replaces a package.
    """
    broken = [
        folder
        for folder in site_packages.glob("*.dist-info")
        if "INSTALLER" not in _text(folder / "RECORD")
    ]
    for folder in [*broken, *site_packages.glob("~*")]:
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    return sorted(folder.name for folder in broken)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _lines(process: subprocess.Popen[str], deadline: float) -> Iterator[str]:
    """Lines of the process as they come, and an empty string for every half second of silence."""
    assert process.stdout is not None
    output = process.stdout
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in output:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while time.monotonic() < deadline:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            yield ""
            continue
        if line is None:
            process.wait(STOP_SECONDS)
            return
        yield line
    raise SetupError(f"pip was not done after {DEADLINE_SECONDS / 60:.0f} minutes; run it again")


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
