"""A hub that is away: what is said of it, how soon, and what is taken from the cache."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from huggingface_hub import constants, file_download, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from rl import hub
from rl.errors import ModelError
from rl.hub import OFFLINE, see_hub

NAME = "owner/model"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a hub that refuses connections."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    for module in (constants, file_download.constants):
        monkeypatch.setattr(module, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv(OFFLINE, "0")  # and is put back afterwards
    return tmp_path


def hold(cache: Path) -> None:
    """Lay the model into the cache."""
    folder = cache / "models--owner--model"
    (folder / "snapshots" / "a1").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a1")
    (folder / "snapshots" / "a1" / "config.json").write_text("{}")


def test_a_model_that_can_be_had_from_nowhere_is_told_in_one_line(cache: Path) -> None:
    with pytest.raises(ModelError) as caught:
        see_hub(NAME)
    said = str(caught.value)
    assert "\n" not in said
    for part in (NAME, "http://127.0.0.1:1", f"hf download {NAME}", f"{OFFLINE}=1", str(cache)):
        assert part in said


def test_what_is_in_the_cache_is_taken_from_there(cache: Path) -> None:
    hold(cache)
    see_hub(NAME)
    assert (constants.HF_HUB_OFFLINE, os.environ[OFFLINE]) == (True, "1")
    see_hub(NAME)
    with pytest.raises(ModelError, match=f"other is not in .*, and {OFFLINE} is set"):
        see_hub("owner/other")
    with pytest.raises(ModelError, match="owner/model is not in"):
        see_hub(NAME, weights=True)  # what a look at its tokenizer leaves
    (cache / "models--owner--model/snapshots/a1/model.safetensors.index.json").write_text("{}")
    see_hub(NAME, weights=True)


def test_nothing_is_asked_where_it_was_switched_off(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_silence", lambda endpoint: pytest.fail("it was asked"))
    with pytest.raises(ModelError, match=f"{OFFLINE} is set"):
        see_hub(NAME)
    see_hub(str(cache))  # a folder


def test_a_proxy_that_cannot_be_used_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://proxied")
    set_client_factory(lambda: httpx.Client(proxy="gopher://127.0.0.1:1"))
    try:
        with pytest.raises(ModelError, match=r"does not answer \(.*gopher"):
            see_hub(NAME)
    finally:
        set_client_factory(default_client_factory)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_hub_that_says_nothing_is_not_waited_for(
    cache: Path, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", silent)
    monkeypatch.setattr(hub, "LONGEST", 1.0)
    with pytest.raises(ModelError, match="does not answer"):
        see_hub(NAME)


def test_a_name_that_is_looked_up_for_ever_is_not_waited_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(constants, "ENDPOINT", "http://for.ever")
    monkeypatch.setattr(hub, "_asked", lambda endpoint: str(never.wait(60)))
    monkeypatch.setattr(hub, "LONGEST", 0.2)
    with pytest.raises(ModelError, match=r"does not answer \(for 0.2 s\)"):
        see_hub(NAME)
    never.set()
