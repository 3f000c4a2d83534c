"""Wrong uses of `plumb export`, `plumb merge`, `plumb status`, `plumb report` and `plumb view`."""

from pathlib import Path

import pytest

from tests.launch.wrong_uses import assert_one_line

WRONG = {
    "export nofile out": (1, "nofile is neither a checkpoint nor a run that has one"),
    "export file out": (1, "file is neither"),
    "export loop out": (1, "loop is neither"),
    "export broken out": (1, "step_000001 is damaged"),
    "export broken out --step 3": (1, "there are those of no step"),
    "export broken out --step 1 --best": (2, "--step and --best"),
    "export broken out --by gsm8k": (2, "--by is of --best"),
    "export broken full": (2, "full is there already: add --overwrite"),
    "export broken full --overwrite": (2, "full is no model's folder: it is not replaced"),
    "export broken file": (2, "file is there already"),
    "export broken out --dtype int8": (2, "'int8' is not one of"),
    "export broken out --step -1": (2, "(got '-1')"),
    "merge out nofile": (1, "nofile is no model, no checkpoint, and no run"),
    "merge out file": (1, "file is no model"),
    "merge out broken --last 2": (1, "broken has 1 checkpoints, fewer than the last 2"),
    "merge out broken --last 0": (2, "(got '0')"),
    "merge out broken --weights 1,x": (2, "--weights=1,x: give numbers"),
    "merge out broken --scheme mean": (2, "'mean' is not one of"),
    "merge full broken": (2, "full is there already"),
    "merge out": (2, "missing argument"),
    "status nofile": (2, "nofile holds no status.json"),
    "status file": (2, "file holds no status.json"),
    "status loop": (1, "loop/status.json: Too many levels of symbolic links"),
    "status bad": (2, "bad/status.json cannot be read: it is damaged or of another version"),
    "status other": (2, "other/status.json cannot be read"),
    "status binary": (2, "binary/status.json cannot be read"),
    "status starting": (2, "starting holds no status.json"),
    "status 'ünï ☃'": (2, "ünï ☃ holds no status.json"),
    "report nofile": (1, "nofile/metrics.jsonl: there is no such file"),
    "report file": (1, "there is no such file"),
    "report loop": (1, "there is no such file"),
    "report bad": (1, "bad/metrics.jsonl: holds no complete line yet"),
    "report binary": (1, "binary/metrics.jsonl: holds no complete line yet"),
    "report starting": (1, "starting/metrics.jsonl: holds no complete line yet"),
    "track file": (2, "file holds no run"),
    "track binary": (2, "binary/config.yaml is not UTF-8 text"),
    "track starting": (2, "names no tracker"),
    "track starting x": (2, "override 'x'"),
    "track starting --wait 0": (2, "(got '0')"),
    "view nofile": (2, "nofile: is no run and holds none"),
    "view file": (2, "file: is no run and holds none"),
    "view full": (2, "full: is no run and holds none"),
    "view loop": (2, "loop: is no run and holds none"),
    "view starting --host 203.0.113.1": (2, "of 203.0.113.1: Cannot assign requested address"),
    "view starting --port -1": (2, "(got '-1')"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders that are no runs, or that are broken ones."""
    folder = tmp_path_factory.mktemp("world")
    texts: dict[str, bytes] = {
        "file": b"x",
        "full/x": b"x",
        "bad/status.json": b"{",
        "bad/metrics.jsonl": b"\0\n[]\n",
        "bad/config.yaml": b": :",
        "other/status.json": b'{"version": 99}',
        "binary/status.json": bytes(range(256)),
        "binary/metrics.jsonl": bytes(range(256)),
        "binary/config.yaml": bytes(range(256)),
        "starting/metrics.jsonl": b"",
        "starting/config.yaml": b"run_dir: starting\n",
        "broken/checkpoints/step_000001/weights": b"",
        "broken/config.yaml": b"run_dir: broken\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    (folder / "loop").symlink_to("loop")
    return folder


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_use_is_one_line_and_leaves_nothing(
    world: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    assert_one_line(world, monkeypatch, words, *WRONG[words])
