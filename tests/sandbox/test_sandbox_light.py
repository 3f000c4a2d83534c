"""The package stands alone and starts quickly."""

import subprocess
import sys

HEAVY = ("torch", "ray", "vllm", "deepspeed", "docker", "fastapi", "uvicorn", "httpx", "requests")
OURS = ("rl", "rewards", "data", "launch")


def test_importing_it_loads_neither_the_rest_of_plumb_nor_anything_heavy() -> None:
    code = "import sys, sandbox; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert "sandbox" in loaded
    assert not set(loaded) & {*HEAVY, *OURS}


def test_no_module_of_it_imports_the_rest_of_plumb() -> None:
    from pathlib import Path

    import sandbox

    folder = Path(sandbox.__file__).parent
    sources = list(folder.rglob("*.py"))
    assert len(sources) > 20
    for path in sources:
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].partition(".")[0] not in OURS, (path, line)
