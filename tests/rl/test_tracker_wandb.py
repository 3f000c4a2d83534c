"""What W&B is asked, by its service alone."""

from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Any
from urllib.error import HTTPError, URLError

import pytest

from rl.trackers import wandb_service
from rl.trackers.service import Opening
from tests.rl.tracked import FAKES, Tracked


def opened(tracked: Tracked, **settings: Any) -> dict[str, Any]:
    """How a run was begun there."""
    from rl.trackers.wandb_service import WandbService

    section = {"project": "plumb", "entity": None, "tags": [], "offline": False, **settings}
    WandbService(Opening(tracked.run_dir, section, "name", "id", None, {}, 20.0))
    return tracked.noted("wandb", "open")[-1]


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracked:
    monkeypatch.syspath_prepend(str(FAKES))
    made = Tracked(tmp_path, monkeypatch)
    (made.run_dir / "trackers").mkdir()
    return made


@pytest.mark.parametrize(
    ("variable", "mode"),
    [("offline", "offline"), ("disabled", "offline"), ("online", "online"), (None, "online")],
)
def test_nothing_is_sent_where_its_own_variable_says_so(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch, variable: str | None, mode: str
) -> None:
    if variable is not None:
        monkeypatch.setenv("WANDB_MODE", variable)
    assert opened(tracked)["mode"] == mode


def test_packages_and_machine_are_not_told(tracked: Tracked) -> None:
    opened(tracked)
    (noted,) = tracked.noted("wandb", "settings")
    fields = noted["fields"]
    assert fields["x_save_requirements"] is False and fields["x_disable_machine_info"] is True


@pytest.mark.parametrize(
    ("error", "is_there"),
    [
        (HTTPError("https://host", 404, "Not Found", {}, None), True),  # type: ignore[arg-type]
        (URLError(SSLCertVerificationError("self-signed certificate")), True),
        (URLError(ConnectionRefusedError()), False),
        (TimeoutError(), False),
        (ValueError("unknown url type"), False),
    ],
)
def test_a_server_is_there_whatever_it_says(
    monkeypatch: pytest.MonkeyPatch, error: Exception, is_there: bool
) -> None:
    def urlopen(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(wandb_service, "urlopen", urlopen)
    assert wandb_service.answers("https://host") is is_there
