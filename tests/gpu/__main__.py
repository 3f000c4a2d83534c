"""`python -m tests.gpu`: every check in a process of its own, and one table of what they found.

Guarantees: a check that raises, dies or takes too long is a row that failed, and the others run; no
process of a check outlives it. The exit code is 1 where a row failed, and 2 where no GPU is seen.
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.gpu.machine import gpus
from tests.gpu.row import Row

FOLDER = Path(__file__).parent
STYLES = {"pass": "green", "fail": "bold red", "info": "", "skipped": "dim"}


def names() -> list[str]:
    """The checks, versions first."""
    found = sorted(path.stem.removeprefix("check_") for path in FOLDER.glob("check_*.py"))
    return sorted(found, key=lambda name: name != "versions")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and print the table."""
    asked = _arguments(arguments)
    if asked.one:
        rows = importlib.import_module(f"tests.gpu.check_{asked.one}").check(asked.device)
        asked.json.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
        return 0
    if asked.device == "cuda" and gpus() == 0:
        print(
            "check.sh: no GPU is seen: nvidia-smi lists none, or CUDA_VISIBLE_DEVICES is empty; "
            "--device cpu is a dry run without one",
            file=sys.stderr,
        )
        return 2
    console = Console(width=140 if not sys.stdout.isatty() else None)
    found: dict[str, list[Row]] = {}
    for name in asked.only or names():
        console.print(f"{name} ...", style="dim")
        found[name] = _run(name, asked.device, asked.timeout)
    console.print(_table(found, asked.device))
    if asked.json:
        every = {name: [asdict(row) for row in rows] for name, rows in found.items()}
        asked.json.write_text(json.dumps(every, indent=1), encoding="utf-8")
    failed = [row for rows in found.values() for row in rows if row.verdict == "fail"]
    return 1 if failed else 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/gpu/check.sh", description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--only", nargs="+", choices=names(), metavar="NAME")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds a check may take")
    parser.add_argument("--json", type=Path, help="write the rows there")
    parser.add_argument("--one", choices=names(), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _run(name: str, device: str, timeout: float) -> list[Row]:
    """A check's rows; one that failed in its stead."""
    with tempfile.TemporaryDirectory(prefix="plumb-gpu-") as folder:
        out, log = Path(folder) / "rows.json", Path(folder) / "log"
        command = [sys.executable, "-m", "tests.gpu", "--one", name, "--device", device]
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*command, "--json", str(out)],
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout)
                why = f"exit code {code}"
            except subprocess.TimeoutExpired:
                why = f"not done after {timeout:.0f} s"
            finally:
                _end(process)
        if out.is_file():
            return [Row(**row) for row in json.loads(out.read_text(encoding="utf-8"))]
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        print("\n".join(said[-40:]), file=sys.stderr)
        last = said[-1][:200] if said else "it said nothing"
        return [Row(name, f"{why}: {last}", "to end with its rows", "fail")]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a check's process group, whatever is left of it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _table(found: Mapping[str, Sequence[Row]], device: str) -> Table:
    table = Table("check", "what", "measured", "wanted", "", title=f"Plumb on {device}")
    for name, rows in found.items():
        for i, row in enumerate(rows):
            words = [name if i == 0 else "", row.name, row.value, row.wanted, row.verdict]
            table.add_row(*words, style=STYLES[row.verdict])
    return table


if __name__ == "__main__":
    # As Ctrl-C does: the check under way is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
