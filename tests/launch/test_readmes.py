"""What READMEs say holds: commands are commands, settings are settings, links lead somewhere."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from launch.cli import app
from rl.config_file import load_config
from tests.launch.conftest import REPOSITORY

FOLDERS = ("rl", "rewards", "sandbox", "data", "launch", "tests")
READMES = [
    REPOSITORY / "README.md",
    *sorted(path for name in FOLDERS for path in (REPOSITORY / name).rglob("README.md")),
]
PICTURES = REPOSITORY / "launch" / "pages" / "pictures"
ANY_CONFIG = REPOSITORY / "launch" / "configs" / "quickstart.yaml"
"""Stands for configs of the reader's own, such as my.yaml."""


def names(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def commands(text: str) -> Iterator[list[str]]:
    """The words behind `plumb` of every command in the code blocks for a shell."""
    for block in re.findall(r"```(?:bash|shell|sh)\n(.*?)```", text, re.DOTALL):
        lines = block.replace("\\\n", " ").splitlines()
        for line in (one for one in lines if re.search(r"(^|[\s/])plumb ", one)):
            words = shlex.split(line, comments=True)
            for at, word in enumerate(words):
                if Path(word).name == "plumb":
                    rest = words[at + 1 :]
                    ends = [rest.index(one) for one in ("&&", "|", "&", ">") if one in rest]
                    yield rest[: min(ends, default=len(rest))]


def spoken_of(text: str) -> Iterator[list[str]]:
    """The same in running text, where a command may stand without all that it takes."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for code in re.findall(r"`(plumb [a-z][^`]*)`", prose):
        words = shlex.split(code.replace("...", ""))[1:]
        yield words + ["."] * words[-1].startswith("--")  # a value, for an option that wants one


def parsed(words: list[str], whole: bool = True) -> tuple[str, dict[str, Any]]:
    """The command that is meant, and what it is given; fails as the command would."""
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="plumb")
    path = []
    while hasattr(command, "commands") and (words or whole):
        command.parse_args(context, list(words))
        words = [*context._protected_args, *context.args]  # as click's Group.invoke has it
        name, command, words = command.resolve_command(context, words)
        path.append(name)
        context = command.context_class(command, info_name=name, parent=context)
    if hasattr(command, "commands"):
        return " ".join(path), {}
    given, left, _ = command.make_parser(context).parse_args(list(words))
    missing = [
        one.name for one in command.params if one.required and given.get(one.name) in (None, ())
    ]
    if whole and (left or missing):
        raise ValueError(f"plumb {' '.join(path)}: left over {left}, missing {missing}")
    return " ".join(path), given


def check_settings(given: dict[str, Any], folder: Path) -> None:
    """Settings of a command's line are settings, of the config that it names."""
    named = Path(str(given["config"]))
    here = [root / named for root in (REPOSITORY, folder) if (root / named).is_file()]
    overrides = [one for one in given.get("overrides") or () if "=" in one]
    load_config(here[0] if here else ANY_CONFIG, overrides)


@pytest.mark.parametrize("readme", READMES, ids=names)
def test_commands_are_commands_and_settings_are_settings(readme: Path) -> None:
    if "template" in readme.parts:
        return  # its $name is filled in by plumb init, whose test runs its commands
    for words in commands(readme.read_text("utf-8")):
        name, given = parsed(words)
        if name in {"train", "submit"}:
            check_settings(given, readme.parent)
    for words in spoken_of(readme.read_text("utf-8")):
        parsed(words, whole=False)


def test_targets_modules_and_tests_are_there() -> None:
    text = "".join(readme.read_text("utf-8") for readme in READMES)
    targets = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z]+)", text)) - set(targets) == set()
    for module in set(re.findall(r"python -m (tests(?:\.\w+)+)", text)):
        place = REPOSITORY / module.replace(".", "/")
        assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), module
    for test in set(re.findall(r"\btests/[a-z\d_/]+\.(?:py|sh)\b", text)):
        assert (REPOSITORY / test).is_file(), test


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("plumb trian my.yaml", "trian"),
        ("plumb train my.yaml --resum-it", "resum-it"),
        ("plumb eval compare a", "missing"),
        ("plumb report a b", "left over"),
        ("plumb train my.yaml learner.speed=3", "learner.speed"),
    ],
)
def test_what_is_no_command_is_found(line: str, said: str) -> None:
    (words,) = commands(f"```bash\n.venv/bin/{line}  # a comment\n```")
    with pytest.raises(Exception, match=said):
        check_settings(parsed(words)[1], REPOSITORY)


def anchors(text: str) -> set[str]:
    """Of headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found}


@pytest.mark.parametrize("readme", READMES, ids=names)
def test_links_lead_somewhere(readme: Path) -> None:
    text = re.sub(r"```.*?```", "", readme.read_text("utf-8"), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    found += re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    for link in found:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (readme.parent / path).resolve() if path else readme
        assert there.exists(), link
        if anchor:
            page = there / "README.md" if there.is_dir() else there
            assert anchor in anchors(page.read_text("utf-8")), link


def test_pictures_are_small_and_shown() -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    for picture in PICTURES.iterdir():
        assert picture.stat().st_size < 150_000, picture
        assert names(picture) in text
