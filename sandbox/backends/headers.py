"""C++'s precompiled header for boxes that use this machine's compiler; an image brings its own.

Guarantees: it is made once for a compiler and its flags, appears complete or not at all, and is
done without where it cannot be made: then C++ merely compiles slower.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from sandbox.languages import CPP_FLAGS

SECONDS = 60.0
HEADER = "bits/stdc++.h"


def precompiled() -> Path | None:
    """A folder with `bits/stdc++.h.gch`, for -I; None where there is none."""
    compiler = shutil.which("g++", path="/usr/local/bin:/usr/bin:/bin")
    if compiler is None:
        return None
    # A user without a home has no folder for it, which is a RuntimeError.
    with contextlib.suppress(OSError, subprocess.SubprocessError, RuntimeError):
        version = _run([compiler, "--version"])
        name = hashlib.sha256(f"{compiler} {version} {CPP_FLAGS}".encode()).hexdigest()[:16]
        folder = _cache() / f"headers-{name}"
        if not folder.is_dir():
            _make(compiler, folder)
        return folder
    return None


def _make(compiler: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".headers-") as scratch:
        draft = Path(scratch) / "include"
        header = draft / HEADER
        header.parent.mkdir(parents=True)
        header.write_text("#include_next <bits/stdc++.h>\n")
        _run([compiler, *CPP_FLAGS.split(), "-x", "c++-header", str(header)])
        for path in (draft, header.parent):
            path.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was first
            draft.rename(folder)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plumb"
