"""Models are averaged as a scheme says, tensor by tensor, and say what they were made of."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from launch.models.export import check_bases, check_target, replacing
from launch.models.merge import Recipe, merge
from rl.errors import ConfigError, ModelError, PlumbError
from rl.models.files import INDEX, ORIGIN, ModelFolder, write_model
from rl.models.finding import candidate, candidates
from rl.models.merging import SCHEMES, SHARES, weights_of


def model(folder: Path, value: float, *, dtype: torch.dtype = torch.float32, rows: int = 3) -> Path:
    """A model of two tensors, each filled with multiples of a number."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3", "torch_dtype": "x"}))
    (folder / "tokenizer.json").write_text(folder.name)
    (folder / "training.pt").write_text("nothing for a model")
    base = torch.arange(1, rows * 4 + 1).reshape(rows, 4)
    tensors = {"a.weight": (base * value).to(dtype), "b.bias": torch.full((5,), value, dtype=dtype)}
    save_file(tensors, folder / "model.safetensors")
    return folder


def merged(
    tmp_path: Path, sources: list[Path], scheme: str = "average", **options: Any
) -> dict[str, Tensor]:
    recipe = Recipe(
        scheme,
        options.pop("given", None),
        options.pop("decay", None),
        options.pop("share", None),
    )
    settings = {"last": 5, "dtype": "auto", "overwrite": True} | options
    merge(tmp_path / "out", sources, recipe, say=lambda line: None, **settings)
    return load_file(tmp_path / "out" / "model.safetensors")


@pytest.mark.parametrize(
    ("scheme", "options", "weights"),
    [
        ("average", {}, [0.25, 0.25, 0.25, 0.25]),
        ("ema", {"decay": 0.5}, [0.125, 0.125, 0.25, 0.5]),
        ("ema", {"decay": 0.9}, [0.729, 0.081, 0.09, 0.1]),
        ("weighted", {"given": [1, 1, 2, 4]}, [0.125, 0.125, 0.25, 0.5]),
        ("linear", {"given": [1, 1, -1, 0.5]}, [1, 1, -1, 0.5]),
        ("uniform-low", {}, [0.8, 0.2 / 3, 0.2 / 3, 0.2 / 3]),
        ("uniform-high", {}, [0.4, 0.2, 0.2, 0.2]),
        ("increasing", {}, [0.5, 0.5 / 6, 1 / 6, 0.25]),
        ("decreasing", {}, [0.5, 0.25, 1 / 6, 0.5 / 6]),
        ("uniform-low", {"share": 0.3}, [0.7, 0.1, 0.1, 0.1]),
        ("decreasing", {"share": 0.6}, [0.4, 0.3, 0.2, 0.1]),
    ],
)
def test_a_scheme_says_how_much_each_model_weighs(
    scheme: str, options: dict[str, Any], weights: list[float]
) -> None:
    assert scheme in SCHEMES
    assert weights_of(scheme, 4, **options) == pytest.approx(weights, abs=1e-12)


@pytest.mark.parametrize("scheme", SHARES)
@pytest.mark.parametrize("count", [2, 3, 7])
def test_an_anchor_stays_the_largest_where_the_rest_are_alike(scheme: str, count: int) -> None:
    first, *rest = weights_of(scheme, count)
    assert sum([first, *rest]) == pytest.approx(1)
    assert min(rest) > 0
    if scheme == "increasing":
        assert rest == sorted(rest)
    if scheme == "decreasing":
        assert rest == sorted(rest, reverse=True)
    if scheme.startswith("uniform") and count > 2:
        assert first > max(rest)


@pytest.mark.parametrize("decay", [0.1, 0.5, 0.99])
def test_ema_is_the_running_mean(decay: float) -> None:
    values = [3.0, -1.0, 4.0, 1.0, 5.0]
    mean = values[0]
    for value in values[1:]:
        mean = decay * mean + (1 - decay) * value
    weights = weights_of("ema", len(values), decay=decay)
    assert sum(w * v for w, v in zip(weights, values, strict=True)) == pytest.approx(mean)


@pytest.mark.parametrize(
    ("scheme", "count", "options", "message"),
    [
        ("average", 1, {}, "there is 1 model to merge: name two or more"),
        ("weighted", 2, {}, "weighted needs weights"),
        ("average", 2, {"given": [1, 1]}, "average takes no weights"),
        ("weighted", 2, {"given": [1]}, "there are 1 weights for 2 models"),
        ("weighted", 2, {"given": [1, -1]}, "are 0 or more: linear takes others"),
        ("weighted", 2, {"given": [0, 0]}, "are 0 or more"),
        ("weighted", 2, {"given": [1, float("nan")]}, "weights are finite numbers"),
        ("linear", 2, {"given": [float("inf"), 1]}, "weights are finite numbers"),
        ("average", 2, {"decay": 0.9}, "the scheme average has no decay"),
        ("linear", 2, {"given": [1, 1], "share": 0.3}, "the scheme linear has no share"),
        ("ema", 2, {"share": 0.3}, "the scheme ema has no share"),
        ("ema", 2, {"decay": 1.0}, "decay=1 is no decay"),
        ("uniform-low", 2, {"share": 0.0}, "share=0 is no share"),
        ("increasing", 2, {"share": 1.5}, "share=1.5 is no share"),
        ("best", 2, {}, "there is no scheme 'best'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    scheme: str, count: int, options: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        weights_of(scheme, count, **options)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_tensor_is_the_weighted_sum(scheme: str, tmp_path: Path) -> None:
    values = [1.0, 10.0, 100.0]
    given = [3.0, 2.0, 1.0] if scheme in ("weighted", "linear") else None
    folders = [model(tmp_path / f"m{place}", value) for place, value in enumerate(values)]
    found = merged(tmp_path, folders, scheme, given=given)
    weights = weights_of(scheme, 3, given=given)
    wanted = sum(w * v for w, v in zip(weights, values, strict=True))
    assert found["b.bias"].tolist() == pytest.approx([wanted] * 5, rel=1e-6)
    assert found["a.weight"][2, 3] == pytest.approx(12 * wanted, rel=1e-6)
    origin = json.loads((tmp_path / "out" / ORIGIN).read_text())
    assert origin["scheme"] == scheme
    assert [one["weight"] for one in origin["models"]] == weights
    assert [Path(one["folder"]).name for one in origin["models"]] == ["m0", "m1", "m2"]
    assert (tmp_path / "out" / "tokenizer.json").read_text() == "m0"
    assert not (tmp_path / "out" / "training.pt").exists()
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "float32"


def test_the_mean_is_made_in_float32(tmp_path: Path) -> None:
    """In bfloat16 itself 1 + 1/256 would be 1 again, and so would the mean of many."""
    folders = [model(tmp_path / "m0", 1.0)]
    folders += [
        model(tmp_path / f"m{place}", 1 + 2**-7, dtype=torch.bfloat16) for place in range(1, 8)
    ]
    found = merged(tmp_path, folders, dtype="fp32")
    assert found["b.bias"][0] == pytest.approx(1 + 7 / 8 * 2**-7, rel=1e-7)
    assert merged(tmp_path, folders[1:])["b.bias"].dtype == torch.bfloat16
    assert merged(tmp_path, folders, dtype="fp16")["b.bias"].dtype == torch.float16


def test_the_last_of_a_run_are_taken_oldest_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = tmp_path / "run"
    for step in (5, 10, 15, 20):
        model(run_dir / "models" / f"step_{step:06d}", float(step))
    rows = [
        {"step": step, "evaluations": {"held_out": {"accuracy": step / 100}}} for step in (10, 20)
    ]
    (run_dir / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = candidates([run_dir], last=3)
    assert [one.step for one in found] == [10, 15, 20]
    assert [dict(one.evaluations) for one in found] == [{"held_out": 0.1}, {}, {"held_out": 0.2}]
    assert merged(tmp_path, [run_dir], last=3)["b.bias"][0] == pytest.approx(15)
    shown = capsys.readouterr().out
    assert "held_out" in shown and "10.0%" in shown and "20.0%" in shown and "0.3333" in shown
    with pytest.raises(ModelError, match="has 4 checkpoints, fewer than the last 5: give --last 4"):
        candidates([run_dir], last=5)


def test_the_mean_that_was_exported_beside_a_model_is_not_one_of_the_last(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    for step in (5, 10):
        model(run_dir / "models" / f"step_{step:06d}", float(step))
        model(run_dir / "models" / f"step_{step:06d}_ema", -1.0)
    assert [one.folder.name for one in candidates([run_dir], last=2)] == [
        "step_000005", "step_000010",
    ]  # fmt: skip
    with pytest.raises(ModelError, match="has 2 checkpoints, fewer than the last 3"):
        candidates([run_dir], last=3)
    mean = run_dir / "models" / "step_000010_ema"
    assert [one.folder for one in candidates([mean], last=2)] == [mean]


@pytest.mark.parametrize("in_parts", [False, True])
def test_weights_that_lie_there_twice_are_read_once(in_parts: bool, tmp_path: Path) -> None:
    """Some publish a model's weights in a form of their own too, under other names."""
    folder = model(tmp_path / "m", 1.0)
    if in_parts:
        (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
        places = dict.fromkeys(("a.weight", "b.bias"), "model-00001-of-00001.safetensors")
        (folder / INDEX).write_text(json.dumps({"weight_map": places}))
    save_file({"layers.0.a.weight": torch.ones(3, 4)}, folder / "consolidated.safetensors")
    assert set(ModelFolder(folder).shapes) == {"a.weight", "b.bias"}
    if in_parts:
        (folder / INDEX).write_text("{}")
        with pytest.raises(ModelError, match="is damaged: it names no files of weights"):
            ModelFolder(folder)


def test_models_of_another_shape_are_named(tmp_path: Path) -> None:
    one, two = model(tmp_path / "one", 1.0), model(tmp_path / "two", 1.0, rows=2)
    with pytest.raises(ModelError) as caught:
        merged(tmp_path, [one, two])
    assert str(caught.value) == (
        f"{one} and {two} are no models of one shape: a.weight is 3 x 4 in the one, 2 x 4 in the "
        "other"
    )
    assert not (tmp_path / "out").exists()


def test_what_holds_no_model_is_named(tmp_path: Path) -> None:
    whole = model(tmp_path / "whole", 1.0)
    broken, empty, whole_numbers = (tmp_path / name for name in ("broken", "empty", "integers"))
    model(broken, 1.0)
    (broken / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{nothing")
    empty.mkdir()
    model(whole_numbers, 1.0)
    save_file({"a": torch.ones(3, dtype=torch.int8)}, whole_numbers / "model.safetensors")
    for folder in (broken, empty, whole_numbers):
        with pytest.raises(PlumbError, match=str(folder)) as caught:
            merged(tmp_path, [whole, folder])
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="is no model's folder: it is not replaced"):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "precious").write_text("x")
        merged(tmp_path, [whole, whole])


def test_large_models_are_several_files(tmp_path: Path) -> None:
    source = ModelFolder(model(tmp_path / "m", 2.0))
    options: Any = {"base": source.base, "dtype": torch.float32, "origin": {"evaluations": {}}}
    write_model(tmp_path / "out", source.shapes, source.tensor, shard_bytes=40, **options)
    index = json.loads((tmp_path / "out" / INDEX).read_text())
    assert index["weight_map"] == {
        "a.weight": "model-00001-of-00002.safetensors",
        "b.bias": "model-00002-of-00002.safetensors",
    }
    again = ModelFolder(tmp_path / "out")
    assert again.shapes == source.shapes
    for name in source.shapes:
        assert torch.equal(again.tensor(name), source.tensor(name))


def test_a_model_that_was_made_here_says_what_is_known_of_it(tmp_path: Path) -> None:
    source = ModelFolder(model(tmp_path / "m", 2.0))
    origin = {"kind": "export", "step": 7, "evaluations": {"held_out": 0.25}}
    options: Any = {"base": source.base, "dtype": torch.float32, "origin": origin}
    write_model(tmp_path / "out", source.shapes, source.tensor, **options)
    found = candidate(tmp_path / "out")
    assert (found.step, dict(found.evaluations)) == (7, {"held_out": 0.25})


@pytest.mark.parametrize("inside", ["", "part"])
def test_no_model_is_replaced_by_what_is_made_of_it(tmp_path: Path, inside: str) -> None:
    """Its weights would be gone before they are read."""
    out = tmp_path / "out"
    one, other = model(out / inside, 1.0), model(tmp_path / "b", 2.0)
    (out / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="out is one of the models, or holds one"):
        merged(tmp_path, [one, other])
    assert load_file(one / "model.safetensors")["b.bias"][0] == 1


def test_no_model_is_replaced_by_what_was_trained_from_it(tmp_path: Path) -> None:
    made = ModelFolder(model(tmp_path / "out" / "begin", 1.0))
    with pytest.raises(ConfigError, match="out is, or holds, the model that"):
        check_bases(tmp_path / "out", [made])
    check_bases(tmp_path / "other", [made])


def test_what_was_there_stays_where_its_replacement_fails(tmp_path: Path) -> None:
    model(tmp_path / "out", 1.0)
    other = model(tmp_path / "c", 3.0)
    (other / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(PlumbError):
        merged(tmp_path, [model(tmp_path / "b", 2.0), other])
    assert load_file(tmp_path / "out" / "model.safetensors")["b.bias"][0] == 1
    with pytest.raises(RuntimeError), replacing(tmp_path / "out"):
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c", "out"]


def test_a_link_to_a_model_is_replaced_and_a_folder_without_a_name_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "config.json").write_text("{}")
    out = tmp_path / "out"
    out.symlink_to(tmp_path / "real")
    with replacing(out):
        out.mkdir()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out", "real"]
    assert not out.is_symlink() and (tmp_path / "real" / "config.json").exists()
    for name in (".", ".."):
        with pytest.raises(ConfigError, match="has no name"):
            check_target(Path(name), overwrite=True)
