"""A secret in a run's settings is refused before the run writes them down."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from launch.cli import app

KEY = "sk-" + "a1B2" * 8
PLANTED = "planted: a passphrase"
MCP = {"spec": "mcp", "options": {"command": ["server"]}}
REFUSED = {
    "a key of a known kind": ({"agent": {"command": ["x"], "variables": {"A": KEY}}}, "an API key"),
    "the value of a variable": ({"data": {"system": f"say {PLANTED}!"}}, "the value of MY_SECRET"),
    "a name of an agent's": (
        {"agent": {"command": ["x"], "variables": {"SEARCH_API_KEY": "abcdefgh"}}},
        "agent.variables.SEARCH_API_KEY: is called like a secret",
    ),
    "a name of a server's": (
        {"env": MCP | {"options": {"command": ["x"], "environment": {"DB_PASSWORD": "abcdefgh"}}}},
        "name it in env.options.pass_environment",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("command", ["train", "train --dry-run", "submit"])
def test_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, case: str
) -> None:
    sections, said = REFUSED[case]
    monkeypatch.setenv("MY_SECRET", PLANTED)
    monkeypatch.chdir(tmp_path)
    Path("data.jsonl").write_text('{"prompt": "1+1?", "reference": "2"}\n')
    settings = {"data": {"train": "data.jsonl"}, "run_dir": str(tmp_path / "run")}
    for name, section in sections.items():
        settings[name] = {**section, **settings.get(name, {})}  # type: ignore[dict-item]
    Path("config.yaml").write_text(yaml.safe_dump(settings))
    where = ["--address", "http://127.0.0.1:9"] if command == "submit" else []
    done = CliRunner().invoke(app, [*command.split(), "config.yaml", *where])
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()
    assert said in line
    assert KEY not in done.output and PLANTED not in done.output
    assert not Path("run").exists()
