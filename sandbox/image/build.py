"""Builds the image of boxes, and removes those of older checkouts.

Guarantees: an image that is there is not built again; a failed build leaves no tag; an error is one
line with the last words of the step that failed. Importing this loads no Docker client.
"""

import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from sandbox.errors import ImageError, IsolationError
from sandbox.image.inputs import REPOSITORY, arguments, context, image_tag

if TYPE_CHECKING:
    import docker

__all__ = ["Recipe", "build_image", "image_tag", "is_built", "prune"]

Say = Callable[[str], None]

BUILD_SECONDS: Final = 900  # of silence by the daemon
ANSWER_SECONDS: Final = 10  # the same, where only a look at it is wanted
KEPT_LINES: Final = 40
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
BOOK_KEEPING: Final = ("Removing intermediate", "--->")
SNAPSHOT_LABEL: Final = "plumb.sandbox.snapshot"
BASE_LABEL: Final = "plumb.sandbox.base"
PROXIES: Final = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to build.

    Attributes:
        base: Image to start from, such as `debian@sha256:...`; None: Debian's slim one or, where
            no registry answers, one made by debootstrap.
        snapshot: Instant of snapshot.debian.org, such as 20260101T000000Z, that fixes every
            version; empty: what the mirror has today.
        force: Build even if the image is there, without anything that was kept.
    """

    base: str | None = None
    snapshot: str = ""
    force: bool = False


def is_built() -> bool:
    """Whether the daemon has the image of this checkout.

    Raises:
        IsolationError: No daemon answers.
    """
    import requests
    from docker.errors import DockerException

    from sandbox.backends.docker import connect

    client = connect(ANSWER_SECONDS)
    try:
        return _found(client) is not None
    except (DockerException, requests.RequestException) as error:
        raise IsolationError(f"the Docker daemon does not answer: {error}") from error
    finally:
        client.close()


def build_image(say: Say, recipe: Recipe | None = None) -> str:
    """Build the image if it is not there; gives its tag.

    Args:
        say: Told what happens, line by line.
        recipe: How to build.

    Raises:
        IsolationError: No daemon answers.
        ImageError: The build failed; says where, and what to do.
    """
    from sandbox.backends.docker import connect
    from sandbox.image.base import find_base

    recipe = recipe or Recipe()
    client = connect(BUILD_SECONDS)
    try:
        if not recipe.force and _fits(_found(client), recipe):
            return image_tag()
        base = find_base(client, recipe.base, recipe.snapshot, say, anew=recipe.force)
        _build(client, base, recipe, say)
    finally:
        client.close()
    return image_tag()


def prune() -> list[str]:
    """Remove images of other checkouts' inputs, and those that were built anew; gives their names.

    Raises:
        IsolationError: No daemon answers.
        ImageError: One cannot be removed.
    """
    from sandbox.backends.docker import connect

    client = connect(BUILD_SECONDS)
    try:
        tags = [tag for image in client.images.list(name=REPOSITORY) for tag in image.tags]
        others = [one for one in tags if one.startswith(f"{REPOSITORY}:") and one != image_tag()]
        removed = [tag for tag in others if _remove(client, tag)]
        replaced = client.images.list(filters={"dangling": True, "label": BASE_LABEL})
        return removed + [image.short_id for image in replaced if _remove(client, image.id)]
    finally:
        client.close()


def _remove(client: "docker.DockerClient", name: str) -> bool:
    from docker.errors import APIError

    try:
        client.images.remove(name)
    except APIError as error:
        if error.status_code == HTTPStatus.CONFLICT:  # a box still runs on it
            return False
        raise ImageError(f"{name} cannot be removed: {error}") from error
    return True


def _found(client: "docker.DockerClient") -> Any:
    from docker.errors import ImageNotFound

    try:
        return client.images.get(image_tag())
    except ImageNotFound:
        return None


def _fits(image: Any, recipe: Recipe) -> bool:
    """Whether an image that is there is what the recipe asks for."""
    if image is None:
        return False
    labels = image.labels or {}
    return (not recipe.snapshot or labels.get(SNAPSHOT_LABEL) == recipe.snapshot) and (
        not recipe.base or labels.get(BASE_LABEL) == recipe.base
    )


def _build(client: "docker.DockerClient", base: str, recipe: Recipe, say: Say) -> None:
    import requests
    from docker.errors import DockerException

    given = arguments() | {"BASE": base, "SNAPSHOT": recipe.snapshot}
    for name in PROXIES:
        if value := os.environ.get(name) or os.environ.get(name.upper()):
            given[name] = value  # predefined by Docker: it stays out of the image's history
    say(f"building {image_tag()} from {base}")
    last: list[str] = []
    try:
        events = client.api.build(
            fileobj=io.BytesIO(context()),
            custom_context=True,
            tag=image_tag(),
            buildargs=given,
            labels={SNAPSHOT_LABEL: recipe.snapshot, BASE_LABEL: recipe.base or base},
            nocache=recipe.force,
            rm=True,
            forcerm=True,
            # The mirror and a proxy on this machine are reached as from the machine itself.
            network_mode="host",
            decode=True,
        )
        for event in events:
            if "error" in event:
                raise ImageError(_failure(event["error"], last))
            for line in COLOUR.sub("", event.get("stream", "")).splitlines():
                if line.strip():
                    last = [*last, line.strip()][-KEPT_LINES:]
                    if not line.strip().startswith(BOOK_KEEPING):
                        say(line.strip())
    except (DockerException, requests.RequestException, OSError) as error:
        raise ImageError(_failure(" ".join(str(error).split()), last)) from error


def _failure(error: str, last: list[str]) -> str:
    """One line about a failed build: its cause, and what to do about it."""
    said = [line for line in last if not line.startswith((*BOOK_KEEPING, "Step "))]
    telling = [line for line in said if line.startswith(("E: ", "dpkg: error", "Err:"))]
    words = (telling or said or [""])[0 if telling else -1][:300]
    text = " ".join([*last, error])
    remedy = "run: plumb sandbox build --force"
    if "No space left" in text:
        remedy = "free some disk space, for example by: docker system prune"
    elif "Failed to fetch" in text or "Could not resolve" in text or "Unable to connect" in text:
        remedy = "check that this machine reaches Debian's mirror, or set http_proxy"
    return f"the image cannot be built ({error[:300]}); last words: {words!r}; {remedy}"
