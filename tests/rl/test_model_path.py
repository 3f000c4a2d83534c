"""A model that is not there is told before anything starts."""

from pathlib import Path

import pytest

from rl.config import RunConfig
from rl.errors import ModelError
from rl.model_path import check_model_path, check_seen_here, with_model


@pytest.mark.parametrize(
    "path",
    [
        *["/models/absent", "./absent", "../absent", "a/b/c", "~/absent", "runs/first/model"],
        *["runs/2026-11-29--lr1e-6", "runs/first-", "runs/first..last", "runs/" + "long" * 30],
    ],
)
def test_a_folder_that_is_not_there_is_called_a_folder(path: str) -> None:
    with pytest.raises(ModelError, match=f"^the model folder {path} does not exist; check"):
        check_model_path(path)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no model: it has no config\.json"):
        check_model_path(str(tmp_path))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"")
    with pytest.raises(ModelError, match="is a file, not a model's folder"):
        check_model_path(str(weights))


@pytest.mark.parametrize("path", ["Qwen/Qwen3-0.6B", "gpt2", "org/Model.v1_2-x"])
def test_names_of_the_hub_are_asked_for_later(path: str) -> None:
    check_model_path(path)


def test_a_folder_is_known_by_its_whole_path_to_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    config = RunConfig.model_validate({"run_dir": "run"})
    assert with_model(config, "model").model.path == str(tmp_path / "model")
    assert with_model(config, "owner/model").model.path == "owner/model"


def test_a_host_that_does_not_see_the_folder_is_named(tmp_path: Path) -> None:
    check_seen_here(str(tmp_path))
    check_seen_here("owner/model")
    with pytest.raises(ModelError, match=f"^host .* does not see the model folder {tmp_path}/x: "):
        check_seen_here(str(tmp_path / "x"))
