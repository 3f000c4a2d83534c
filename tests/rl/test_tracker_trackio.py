"""What trackio is asked, by its service alone."""

from pathlib import Path
from typing import Any

import pytest

from rl.config import TrackioConfig
from rl.trackers.feed import home_of
from rl.trackers.service import Opening
from rl.trackers.trackio_service import TrackioService
from tests.rl.tracked import FAKES, Tracked


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracked:
    monkeypatch.syspath_prepend(str(FAKES))
    for name in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    return Tracked(tmp_path, monkeypatch)


def opened(tracked: Tracked, run: str | None = None, **settings: Any) -> TrackioService:
    section = TrackioConfig(**settings).model_dump(mode="json")
    name = settings.get("name", "name")
    return TrackioService(Opening(tracked.run_dir, section, name, "id", run, {}, 20.0))


def test_a_space_of_the_environment_is_as_private_as_one_of_the_settings(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_SPACE_ID", "team/all")
    assert "Space team/all" in opened(tracked).where
    assert "Space team/mine" in opened(tracked, space="team/mine", private=False).where
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    service = opened(tracked)
    assert service.where.endswith("on this machine (HF_HUB_OFFLINE)")
    assert service.later is not None and service.later.endswith("--space-id team/all")
    found = [(one["space"], one["private"]) for one in tracked.noted("trackio", "open")]
    assert found == [("team/all", True), ("team/mine", False), (None, None)]


def test_a_server_is_named_without_its_token(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = {"TRACKIO_SERVER_URL": "http://host:7860/?write_token=s3cret"}
    monkeypatch.setenv(*next(iter(server.items())))
    assert opened(tracked).where.endswith("on http://host:7860/")
    home = home_of(TrackioConfig().model_dump(), server)
    assert "http://host:7860/" in home and "s3cret" not in home


def test_a_run_keeps_its_name_where_its_folder_has_another(tracked: Tracked) -> None:
    first = opened(tracked)
    assert opened(tracked, run=first.run, name="renamed").run == first.run == "name-id"
    assert {one["run"] for one in tracked.noted("trackio", "open")} == {"name-id"}
