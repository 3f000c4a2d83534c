"""A model that is not there is told before anything starts."""

from pathlib import Path

import pytest

from rl.errors import ModelError
from rl.model_path import check_model_path


@pytest.mark.parametrize(
    "path", ["/models/absent", "./absent", "../absent", "a/b/c", "~/absent", "runs/first/model"]
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
