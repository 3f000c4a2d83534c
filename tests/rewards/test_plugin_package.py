"""A package that nobody but its entry point announces: installed by pip, used by name."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]

BY_NAME = """
import asyncio, json
from rewards import GradingPool, Sample

async def main():
    async with GradingPool("shouting", workers=1, memory_mb=512) as pool:
        texts = ["HELLO", "HELlo", "A"]
        verdicts = await pool.grade([Sample(text, (), text) for text in texts])
    print(json.dumps([[v.outcome, v.reward if v.is_gradable else None] for v in verdicts]))

asyncio.run(main())
"""

BY_CONFIG = """
import asyncio, json, sys
from pathlib import Path
from rewards import GradingPool, Sample
from rl.config_file import load_config

async def main():
    reward = load_config(Path(sys.argv[1]), []).reward
    async with GradingPool(reward.verifier, workers=reward.workers) as pool:
        row = Sample("1", (), "HELLO", metadata={"min_letters": 9})
        print(json.dumps((await pool.grade([row]))[0].reason))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed package; building it leaves nothing beside its source."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(HERE / "example_package", folder / "source")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", source],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


def run(code: str, *arguments: str, site: Path | None) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(entry) for entry in (site, REPOSITORY) if entry is not None)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_pool_finds_it_by_name(site: Path) -> None:
    done = run(BY_NAME, site=site)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["correct", 1.0], ["incorrect", 0.3], ["ungradable", None]]


def test_a_config_finds_it_by_name_and_columns_reach_it(site: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("model: {path: builtin:tiny}\nreward: {verifier: shouting}\n")
    done = run(BY_CONFIG, str(config), site=site)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == "letters: fewer than 9"


def test_without_the_package_the_name_is_unknown() -> None:
    done = run(BY_NAME, site=None)
    assert done.returncode == 1
    assert "no verifier is called 'shouting'" in done.stderr.splitlines()[-1]
