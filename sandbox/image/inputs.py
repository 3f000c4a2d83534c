"""What the image is made of, and the tag that follows from it.

Guarantee: two checkouts whose images would hold the same agent, packages and flags have the same
tag; a change of any input changes it. Needs no Docker.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from sandbox.agent import __file__ as agent_file
from sandbox.errors import ImageError
from sandbox.languages import CPP_FLAGS

REPOSITORY: Final = "plumb-sandbox"
SUITE: Final = "bookworm"
BASE_IMAGE: Final = "debian:bookworm-slim"
PACKAGES: Final = (
    "python3",
    "python3-pytest",
    "gcc",
    "g++",
    "libc6-dev",
    "nodejs",
    "openjdk-17-jdk-headless",
)
STEPS: Final = ("Dockerfile", "setup.sh")
AGENT_SUFFIXES: Final = (".py", ".java", ".js", ".h", ".c", ".hpp", ".cpp", ".json")


@cache
def files() -> Mapping[str, bytes]:
    """The build's files by their names in its context: the steps, and the agent.

    They are read once, so that a tag and the image behind it agree while somebody edits.
    """
    here, agent = Path(__file__).parent, Path(agent_file).parent
    found = {name: (here / name).read_bytes() for name in STEPS}
    for path in agent.rglob("*"):
        if path.suffix in AGENT_SUFFIXES:
            found[f"agent/{path.relative_to(agent)}"] = path.read_bytes()
    return found


def arguments() -> dict[str, str]:
    """The build arguments that do not depend on the machine."""
    return {"PACKAGES": " ".join(PACKAGES), "CPP_FLAGS": CPP_FLAGS}


def require_snapshot(text: str) -> str:
    """`text`, if it is empty or an instant as snapshot.debian.org writes it; else ImageError."""
    if text and not re.fullmatch(r"\d{8}T\d{6}Z", text):
        raise ImageError(f"'{text}' is no snapshot; write it like 20260101T000000Z")
    return text


def tag_of(contents: Mapping[str, bytes], settings: Mapping[str, str]) -> str:
    """The tag of an image with these inputs."""
    total = hashlib.sha256()
    parts = {**contents, **{f"arg:{name}": text.encode() for name, text in settings.items()}}
    for name, data in sorted(parts.items()):
        for part in (name.encode(), data):
            total.update(len(part).to_bytes(8, "big") + part)
    return f"{REPOSITORY}:{total.hexdigest()[:12]}"


@cache
def image_tag() -> str:
    """The tag of the image that this checkout's boxes are made of."""
    return tag_of(files(), arguments() | {"BASE_IMAGE": BASE_IMAGE, "SUITE": SUITE})


def context() -> bytes:
    """The build's context, a tar archive that depends on nothing but the files' contents."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in sorted(files().items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
