"""What is installed holds every file that the code reads, not only its modules."""

import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
LEFT_OUT = {".py", ".pyc", ".in", ".overrides"}
"""Suffixes of modules, and of what locks are made from."""
PICTURES = REPOSITORY / "launch" / "pages" / "pictures"
"""The README's, which is read where the repository is."""


@pytest.mark.parametrize("package", ["sandbox", "rl", "rewards", "data", "launch"])
def test_every_file_of_a_package_is_installed(package: str) -> None:
    told = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    patterns = told["tool"]["setuptools"]["package-data"].get(package, [])
    folder = REPOSITORY / package
    installed = {path for pattern in patterns for path in folder.glob(pattern)}
    missing = {
        str(path.relative_to(REPOSITORY))
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix not in LEFT_OUT
        and path.name not in {"README.md", "vendor.sh"}
        and PICTURES not in path.parents
        and not any(part.startswith(".") for part in path.relative_to(REPOSITORY).parts)
        and path not in installed
    }
    assert missing == set()
