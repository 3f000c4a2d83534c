"""TRL's own loop and Plumb's play one environment alike: what it is asked, called, and worth.

TRL is no dependency of Plumb's: `PLUMB_AGENTS_PYTHON` names a Python that has it installed, as
`make agents` makes one. It is put beside Plumb's own torch and transformers for a process.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.schema import Prompt
from tests.rl.test_factories import SOURCE, loaded, played
from tests.rl.test_toolgraph_episodes import written

NAMED = os.environ.get("PLUMB_AGENTS_PYTHON", "")
PYTHON = str(Path(NAMED).absolute()) if NAMED else ""
ROW = {"prompt": [{"role": "user", "content": "Count."}], "answer": "3", "start": 2}
TURNS = [
    written([("run", {"by": 1}), ("close", {"what": "window"})]),
    written([("fail", {}), ("run", {"by": 0})]),
    "done",
]


def trl_at(folder: Path) -> str:
    """A folder to import TRL alone from; empty where it is not installed."""
    if not PYTHON:
        return ""
    look = "import importlib.util as u; s = u.find_spec('trl'); print(s.origin if s else '')"
    done = subprocess.run([PYTHON, "-c", look], capture_output=True, check=True, text=True)
    if not (origin := done.stdout.strip()):
        return ""
    site = Path(origin).parents[1]
    for path in [site / "trl", *site.glob("trl-*.dist-info")]:
        (folder / path.name).symlink_to(path)
    return str(folder)


def text_of(content: Any) -> str:
    """Of text, or of blocks of text."""
    return content if isinstance(content, str) else "".join(one["text"] for one in content)


@pytest.mark.timeout(900)
async def test_an_environment_is_played_as_trl_plays_it(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    if not (theirs := await asyncio.to_thread(trl_at, tmp_path / "site")):
        pytest.skip("PLUMB_AGENTS_PYTHON names no Python that has trl")
    file = tmp_path / "envs.py"
    file.write_text(SOURCE)
    command = [sys.executable, "-m", "tests.rl.trl_process", str(file), "Paid"]
    path = os.pathsep.join([str(Path(__file__).parents[2]), theirs])
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, json.dumps(ROW), json.dumps(TURNS), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    trl: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])

    made, config = loaded(file, "Paid")
    prompt = Prompt("p", tuple(ROW["prompt"]), ROW["answer"], metadata={"start": ROW["start"]})  # type: ignore[arg-type]
    group = await played(made, config, *TURNS, prompt=prompt)
    (episode,), (verdict,) = group.episodes, group.verdicts
    ours, asked = list(episode.messages), len(trl["prompt"])
    assert [verdict.reward] * 2 == trl["rewards"] == [1, 1]
    assert ours[:asked] == trl["prompt"]
    assert [one["role"] for one in ours[asked:]] == [one["role"] for one in trl["completion"]]
    for mine, other in zip(ours[asked:], trl["completion"], strict=True):
        calls, theirs_calls = mine.get("tool_calls", ()), other.get("tool_calls", ())
        assert [one["function"] for one in calls] == [one["function"] for one in theirs_calls]
        if mine["role"] == "tool" and "no such key" not in mine["content"]:
            assert (mine["name"], mine["content"]) == (other["name"], text_of(other["content"]))

    schemas = {one["function"]["name"]: one["function"] for one in trl["tools"]}
    assert schemas.keys() == {one["function"]["name"] for one in made.tools}
    for tool in made.tools:
        function, other = tool["function"], schemas[tool["function"]["name"]]
        assert function["description"] == other["description"]
        required = function["parameters"].get("required", [])
        assert required == other["parameters"].get("required", [])
        for name, declared in other["parameters"]["properties"].items():
            assert declared.items() <= function["parameters"]["properties"][name].items()
