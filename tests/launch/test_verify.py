"""`plumb verify` and `plumb data validate` as commands: files in and out, one line for a fault."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from data.errors import RowError
from launch.verify.rows import read_batches
from tests.launch.conftest import REPOSITORY, wait_until

ROWS: list[dict[str, Any]] = [
    {"id": "a", "response": "so \\boxed{4}", "reference": "4"},
    {"id": 2, "prediction": "1/2", "reference": 0.5},
    {"id": "c", "response": "so \\boxed{5}", "reference": "4", "other": [1]},
    {"id": "d", "prediction": 7, "response": None, "reference": "7.0"},
    {"id": "e", "response": "\\boxed{4}", "reference": {"answer": "4"}},
    {"id": "\ud800 [red]", "response": "no box", "reference": "4"},
]
OUTCOMES = ["correct", "correct", "incorrect", "correct", "ungradable", "incorrect"]


def text(rows: Sequence[object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


class Command:
    """Runs `plumb` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}

    def start(self, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [sys.executable, "-m", "launch.cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
            **{**pipes, **streams},
        )

    def run(self, *arguments: str, sent: bytes = b"") -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(sent, timeout=240)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(
            arguments, process.returncode, output.decode(), errors.decode()
        )

    def verify(self, *arguments: str, sent: bytes = b"") -> subprocess.CompletedProcess[str]:
        return self.run(
            "verify", "--task", "math", "--workers", "1", "--deadline", "60", *arguments, sent=sent
        )

    def fault(self, code: int, *arguments: str, sent: bytes = b"") -> str:
        """The one line that a command ends with; nothing is left in the folder."""
        before = set(self.folder.iterdir())
        done = self.run(*arguments, sent=sent)
        assert done.returncode == code, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("plumb: ")
        assert set(self.folder.iterdir()) == before
        return line


def alive_in(folder: Path) -> list[str]:
    """Command lines of the processes whose current directory is `folder`."""
    found = psutil.process_iter(["cwd", "cmdline"])
    return [str(one.info["cmdline"]) for one in found if one.info["cwd"] == str(folder)]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """The command; the test fails if it leaves a process behind."""
    yield Command(tmp_path)
    wait_until(lambda: not alive_in(tmp_path), 60, "the end of every process of the command")


def test_verdicts_stand_in_the_order_of_the_rows(command: Command) -> None:
    (command.folder / "in.jsonl").write_text(text(ROWS[:3]) + "\n  \n" + text(ROWS[3:]))
    done = command.verify("in.jsonl", "out.jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (command.folder / "out.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [row["id"] for row in ROWS]
    assert [row["outcome"] for row in rows] == OUTCOMES
    assert [row["reward"] for row in rows] == [1.0, 1.0, 0.0, 1.0, None, 0.0]
    assert all(list(row) == ["id", "outcome", "reward", "reason", "seconds"] for row in rows)
    assert all(row["seconds"] >= 0 for row in rows)
    assert rows[4]["reason"].startswith("reference")
    summary = " ".join(done.stdout.split())
    assert "correct 3 50.0%" in summary
    assert "ungradable 1 16.7%" in summary
    assert "rows/s" in summary
    assert {path.name for path in command.folder.iterdir()} == {"in.jsonl", "out.jsonl"}


def test_standard_input_and_output(command: Command) -> None:
    done = command.verify("-", "-", sent=text(ROWS).encode())
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["outcome"] for line in done.stdout.splitlines()] == OUTCOMES
    assert "rows/s" in done.stderr


def test_order_holds_across_batches_and_verifiers(command: Command) -> None:
    rows = [
        {"id": i, "response" if i % 3 else "prediction": f"\\boxed{{{i}}}", "reference": i - i % 2}
        for i in range(3_000)
    ]
    (command.folder / "in.jsonl").write_text(text(rows))
    done = command.verify("in.jsonl", "out.jsonl")
    assert done.returncode == 0, done.stderr
    with (command.folder / "out.jsonl").open() as lines:
        found = [(row["id"], row["outcome"]) for row in map(json.loads, lines)]
    assert found == [(i, "incorrect" if i % 2 else "correct") for i in range(3_000)]


def test_an_older_output_is_replaced_behind_its_link(command: Command) -> None:
    (command.folder / "in.jsonl").write_text(text(ROWS))
    (command.folder / "kept").mkdir()
    real = command.folder / "kept" / "real.jsonl"
    real.write_text("old\n")
    (command.folder / "out.jsonl").symlink_to(real)
    assert command.verify("in.jsonl", "out.jsonl").returncode == 0
    assert (command.folder / "out.jsonl").is_symlink()
    assert len(real.read_text().splitlines()) == len(ROWS)


def test_a_device_is_written_to_and_stays_a_device(command: Command) -> None:
    (command.folder / "in.jsonl").write_text(text(ROWS))
    pipe = command.folder / "pipe"
    os.mkfifo(pipe)
    process = command.start("verify", "--task", "math", "--workers", "1", "in.jsonl", "pipe")
    lines = pipe.read_text().splitlines()
    assert process.wait(240) == 0
    assert len(lines) == len(ROWS)
    assert pipe.is_fifo()
    process.communicate()


def broken(line: str, at: int = 7) -> bytes:
    """Nine good rows, one of them replaced."""
    lines = [json.dumps({"id": i, "prediction": "4", "reference": "4"}) for i in range(9)]
    lines[at - 1] = line
    return "\n".join(lines).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"id": 1, "response": "4"', ["not valid JSON", "mend the line"]),
        ('{"id": 1, "response": "4"}', ["no reference", "add the answer"]),
        ('{"id": 1, "response": "4", "reference": null}', ["no reference"]),
        ('{"id": 1, "response": "4", "prediction": "4", "reference": "4"}', ["both response and"]),
        ('{"id": 1, "reference": "4"}', ["neither response nor prediction"]),
        ('{"id": 1, "response": 4, "reference": "4"}', ["response is a number", "as text"]),
        ('{"id": 1, "prediction": true, "reference": "4"}', ["prediction is true or false"]),
        ('{"prediction": "4", "reference": "4"}', ["has no id", "give each row an id"]),
        ('{"id": 1.5, "prediction": "4", "reference": "4"}', ["the id is a number"]),
        ("[1, 2]", ["an array, not an object"]),
        (
            '{"id": 1, "prediction": "4", "reference": "4", "thinking": true}',
            ['"open" where', "none"],
        ),
        ('{"id": "\udcff"}', ["not UTF-8 text at byte 9", "save the file as UTF-8"]),
        ('{"id": ' + "[" * 100_000, ["not usable JSON"]),
    ],
)
def test_a_bad_row_is_named_with_its_place(tmp_path: Path, row: str, words: list[str]) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(broken(row))
    with pytest.raises(RowError) as caught:
        list(read_batches(str(path), "math"))
    assert str(caught.value).startswith(f"{path} line 7: ")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_bad_row_ends_the_command_with_its_line(command: Command) -> None:
    (command.folder / "in.jsonl").write_bytes(broken("{"))
    line = command.fault(1, "verify", "--task", "math", "in.jsonl", "out.jsonl")
    assert "in.jsonl line 7: not valid JSON" in line
    line = command.fault(1, "verify", "--task", "math", "-", "out.jsonl", sent=broken("{"))
    assert "standard input line 7: not valid JSON" in line


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (1, ["absent.jsonl", "out.jsonl"], "absent.jsonl: there is no such file"),
        (1, [".", "out.jsonl"], "is a folder"),
        (1, ["empty.jsonl", "out.jsonl"], "empty.jsonl: holds no rows"),
        (1, ["in.jsonl", "absent/out.jsonl"], "absent/out.jsonl: cannot be written"),
        (1, ["in.jsonl", "."], "cannot be written"),
        (2, ["in.jsonl", "./in.jsonl"], "is the input too"),
        (2, ["in.jsonl", "out.jsonl", "--workers", "0"], "--workers starts at 1"),
        (2, ["in.jsonl", "out.jsonl", "--deadline", "0"], "--deadline above 0"),
        (2, ["in.jsonl", "out.jsonl", "--deadline", "nan"], "--deadline above 0"),
        (2, ["in.jsonl", "out.jsonl", "--task", "maths"], "--task is 'maths'; use math"),
    ],
)
def test_a_fault_around_the_rows_is_one_line(
    command: Command, code: int, arguments: list[str], words: str
) -> None:
    (command.folder / "empty.jsonl").write_text("\n\n")
    (command.folder / "in.jsonl").write_text(text(ROWS))
    assert words in command.fault(code, "verify", "--task", "math", *arguments)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_no_output_and_no_process(
    command: Command, sent: signal.Signals, code: int
) -> None:
    """The command waits for the rest of its input, with answers in flight."""
    process = command.start("verify", "--task", "math", "--workers", "1", "-", "out.jsonl")
    assert process.stdin is not None
    process.stdin.write(text(ROWS * 200).encode())
    process.stdin.flush()
    children = psutil.Process(process.pid).children
    wait_until(children, 120, "the start of a grading process")
    workers = children()
    process.send_signal(sent)
    assert process.wait(120) == code
    assert list(command.folder.iterdir()) == []
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert b"Traceback" not in process.communicate()[1]


def test_a_killed_command_leaves_nothing_under_the_final_name(command: Command) -> None:
    process = command.start("verify", "--task", "math", "--workers", "1", "-", "out.jsonl")
    assert process.stdin is not None
    process.stdin.write(text(ROWS * 200).encode())
    process.stdin.flush()
    wait_until(psutil.Process(process.pid).children, 120, "the start of a grading process")
    process.kill()
    process.wait(120)
    assert not (command.folder / "out.jsonl").exists()
    process.communicate()


def test_memory_does_not_grow_with_the_input(command: Command) -> None:
    """300 MB of answers flow through; the reader may hold a window of 64 MiB of them."""
    process = command.start(
        "verify", "--task", "math", "--workers", "1", "-", "out.jsonl", stdout=subprocess.DEVNULL
    )
    assert process.stdin is not None
    watched = psutil.Process(process.pid)
    most = 0
    for i in range(300):
        row = {"id": i, "response": "x" * 1_000_000 + "\\boxed{4}", "reference": "4"}
        process.stdin.write(json.dumps(row).encode() + b"\n")
        most = max(most, watched.memory_info().rss)
    process.stdin.close()
    assert process.wait(240) == 0
    assert len((command.folder / "out.jsonl").read_text().splitlines()) == 300
    assert most < 220 << 20
    assert process.stderr is not None
    process.stderr.close()


def test_a_terminal_shows_a_bar(command: Command) -> None:
    (command.folder / "in.jsonl").write_text(text(ROWS * 100))
    ours, theirs = pty.openpty()
    process = command.start(
        "verify", "--task", "math", "--workers", "1", "in.jsonl", "out.jsonl", stdout=theirs
    )
    os.close(theirs)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_NONBLOCK)
    shown = b""
    deadline = time.monotonic() + 240
    has_ended = False
    while time.monotonic() < deadline:
        try:
            shown += os.read(ours, 65_536)
        except OSError:  # nothing to read now
            if has_ended:
                break
            has_ended = process.poll() is not None  # what it has said last is read after that
            time.sleep(0.05)
    assert process.returncode == 0
    assert b"graded" in shown
    assert b"\x1b[" in shown
    os.close(ours)
    process.communicate()


def test_gold_answers_are_checked(command: Command) -> None:
    rows: list[dict[str, Any]] = [{"question": f"{i}?", "answer": f"{i}/3"} for i in range(30)]
    (command.folder / "good.jsonl").write_text(text(rows))
    done = command.run("data", "validate", "good.jsonl", "--workers", "1", "--out", "misses.jsonl")
    assert done.returncode == 0, done.stderr
    assert "30 of 30 (100.00%)" in done.stdout
    assert (command.folder / "misses.jsonl").read_text() == ""
    rows[4]["answer"] = {"value": "4"}
    (command.folder / "bad.jsonl").write_text("\n" + text(rows))
    done = command.run("data", "validate", "bad.jsonl", "--workers", "1", "--out", "misses.jsonl")
    assert done.returncode == 1
    assert "bad.jsonl line 6: ungradable: {'value': '4'}: reference" in done.stdout
    assert "29 of 30" in done.stdout
    (miss,) = map(json.loads, (command.folder / "misses.jsonl").read_text().splitlines())
    assert miss["where"] == "bad.jsonl line 6"
    assert miss["reference"] == {"value": "4"}
    assert miss["outcome"] == "ungradable"


def test_a_data_set_that_cannot_be_checked_is_one_line(command: Command) -> None:
    (command.folder / "data.jsonl").write_text(text([{"question": "?", "solution": "4"}]))
    line = command.fault(1, "data", "validate", "data.jsonl", "--reference-column", "gold")
    assert "data.jsonl line 1: no column 'gold'" in line
    line = command.fault(1, "data", "validate", "data.jsonl", "--verifier", "maths")
    assert "did you mean 'math'" in line
    line = command.fault(1, "data", "validate", "data.jsonl", "--reference-pattern", "#(.*)")
    assert "does not match reference_pattern" in line


def test_help_teaches(command: Command) -> None:
    listed = command.run("--help").stdout
    assert "verify" in listed
    assert "data" in listed
    shown = command.run("verify", "--help").stdout
    assert '{"id", "response", "reference"}' in shown
    assert "\\boxed{}" in shown
    assert "plumb verify --task math answers.jsonl verdicts.jsonl" in shown
    assert "plumb data validate train.jsonl" in command.run("data", "validate", "--help").stdout
