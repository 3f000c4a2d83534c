"""A checkpoint is there whole or not at all, and refuses to be continued as something else."""

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from data.errors import StreamStateError
from data.schema import Prompt
from data.stream import PromptStream
from rewards import Verdict
from rl.checkpoint import CheckpointStore
from rl.checkpoint_keeping import accuracies
from rl.checkpoint_settings import ADDED, FROZEN, differences, frozen_settings
from rl.config import RunConfig
from rl.dispatch.state import DispatchState
from rl.errors import CheckpointError, StorageError
from rl.groups import Batch, Group
from rl.manifest import check_digests, manifest_of
from rl.recorder import Recorder
from rl.run import open_run_dir
from rl.sinks import read_metrics
from rl.storage import publish, write_atomically, writing
from rl.tokens import Episode, Segment, Span, Trajectory

CONFIG = RunConfig()


def save(store: CheckpointStore, step: int, *, config: RunConfig = CONFIG, text: str = "w") -> None:
    with store.write(config, step, dispatch(step)) as learner:
        (learner / "weights").write_text(text, encoding="utf-8")


def dispatch(step: int) -> DispatchState:
    """Two prompts in flight, and a group that waits."""
    again = tuple((index, Prompt(f"p{index}", (), str(index))) for index in (step, step + 2))
    ready = (long_group(step + 1),)
    return DispatchState(step + 3, step, again, ready, {"places": 4}, {"position": step})


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def folders(run_dir: Path) -> list[str]:
    return sorted(path.name for path in (run_dir / "checkpoints").iterdir())


def changed(path: str, value: object) -> RunConfig:
    tree: dict[str, Any] = {}
    node = tree
    *parents, leaf = path.split(".")
    for part in parents:
        node = node.setdefault(part, {})
    node[leaf] = value
    return RunConfig.model_validate(tree)


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path, keep=2)


def test_what_was_written_is_found(store: CheckpointStore, tmp_path: Path) -> None:
    assert store.newest(CONFIG) is None
    save(store, 20, text="twenty")
    found = store.newest(CONFIG)
    assert found is not None
    assert found.step == 20
    saved = dispatch(20)
    assert found.dispatch.to_json() == saved.to_json()
    assert [group.index for group in found.dispatch.ready] == [21]
    (trajectory,) = found.dispatch.ready[0].episodes[0].trajectories
    assert trajectory.ids.tolist() == [1, 2, 7]
    assert trajectory.versions.tolist() == [-1, -1, 3]
    assert (found.learner / "weights").read_text() == "twenty"
    assert found.folder == tmp_path / "checkpoints" / "step_000020"


def test_the_newest_are_kept_by_number_not_by_name(store: CheckpointStore, tmp_path: Path) -> None:
    for step in (999_998, 999_999, 1_000_000):
        save(store, step)
    assert folders(tmp_path) == ["step_1000000", "step_999999"]
    found = store.newest(CONFIG)
    assert found is not None
    assert found.step == 1_000_000


SCORES = {1: 0.5, 2: 0.9, 3: 0.9, 4: 0.7, 5: 0.1, 6: 0.2}


@pytest.mark.parametrize(
    ("keep", "best", "left"),
    [
        (1, 0, [6]),
        (1, 1, [3, 6]),  # of two alike the later one
        (2, 2, [2, 3, 5, 6]),
        (3, 1, [3, 4, 5, 6]),
        (6, 1, [1, 2, 3, 4, 5, 6]),
        (1, 9, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_the_newest_and_the_best_stay(
    keep: int, best: int, left: list[int], tmp_path: Path
) -> None:
    known: dict[int, float] = {}
    store = CheckpointStore(tmp_path, keep=keep, keep_best=best, scores=lambda: known)
    for step, score in SCORES.items():
        save(store, step)
        known[step] = score  # an evaluation ends after the checkpoint of its step
    store.retire()
    assert store.steps() == left


def test_one_that_was_not_evaluated_is_not_the_best(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=1, keep_best=1, scores=lambda: {2: 0.0})
    for step in (1, 2, 3, 4):
        save(store, step)
    assert store.steps() == [2, 4]


def test_accuracies_are_those_of_the_named_set(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"step": 0, "evaluations": {"held_out": {"accuracy": 0.25}}},
        {"step": 1},
        {"step": 2, "evaluations": {"other": {"accuracy": 0.5}, "held_out": {"accuracy": None}}},
        {"step": 3, "evaluations": {"other": {"accuracy": 0.75}}},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert accuracies(tmp_path, "held_out") == {0: 0.25}
    assert accuracies(tmp_path, "other") == {2: 0.5, 3: 0.75}


def test_every_file_has_its_digest(store: CheckpointStore, tmp_path: Path) -> None:
    save(store, 1)
    found = store.newest(CONFIG)
    assert found is not None
    files = {"state.json", "ready.npz", "config.yaml", "learner/weights"}
    assert found.manifest.keys() == files
    check_digests(found.folder, found.manifest, found.manifest)
    assert found.learner_files.keys() == {"weights"}
    flip_a_bit(found.learner / "weights")
    with pytest.raises(ValueError, match="weights is not what was written: its SHA-256 is another"):
        check_digests(found.learner, found.learner_files, found.learner_files)


def test_writing_a_step_again_replaces_it(store: CheckpointStore, tmp_path: Path) -> None:
    save(store, 3, text="old")
    save(store, 3, text="new")
    found = store.newest(CONFIG)
    assert found is not None
    assert (found.learner / "weights").read_text() == "new"
    assert folders(tmp_path) == ["step_000003"]


def test_a_failing_writer_leaves_only_the_old_checkpoint(
    store: CheckpointStore, tmp_path: Path
) -> None:
    save(store, 1)

    def fail() -> None:
        with store.write(CONFIG, 2, dispatch(2)) as learner:
            (learner / "weights").write_text("half")
            raise RuntimeError("the learner died")

    with pytest.raises(RuntimeError, match="the learner died"):
        fail()
    assert folders(tmp_path) == ["step_000001"]


KILLED = """
import os, signal, sys
from pathlib import Path
import rl.checkpoint
from rl.checkpoint import CheckpointStore
from rl.config import RunConfig
from rl.dispatch.state import DispatchState

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def half(path, **_):
    for weights in Path(path).rglob("weights"):
        weights.unlink()
        die()

moment = sys.argv[2]
if moment == "deleting":
    rl.checkpoint.shutil.rmtree = half
if moment == "publishing":
    rl.checkpoint.publish = die
with CheckpointStore(Path(sys.argv[1]), keep=1).write(
    RunConfig(), 2, DispatchState(0, 2, (), (), {}, {})
) as learner:
    (learner / "weights").write_text("new")
    if moment == "writing":
        die()
"""


@pytest.mark.parametrize(("moment", "newest"), [("writing", 1), ("publishing", 1), ("deleting", 2)])
def test_a_kill_leaves_no_broken_checkpoint_under_a_final_name(
    moment: str, newest: int, store: CheckpointStore, tmp_path: Path
) -> None:
    save(store, 1)
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), moment],
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    found = store.newest(CONFIG)
    assert found is not None
    assert found.step == newest
    whole = [name for name in folders(tmp_path) if name.startswith("step_")]
    for name in whole:
        assert (tmp_path / "checkpoints" / name / "learner" / "weights").exists()
    save(store, 3)
    left = [name for name in folders(tmp_path) if name.startswith(".")]
    assert left == [], "the next checkpoint clears up"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 1),
        ("model.path", "elsewhere"),
        ("data.shuffle", False),
        ("sampler.samples_per_prompt", 8),
        ("data.order", "curriculum"),
    ],
)
def test_a_frozen_setting_is_named_when_it_changed(
    path: str, value: object, store: CheckpointStore
) -> None:
    assert path in FROZEN
    save(store, 1)
    old: object = CONFIG
    for part in path.split("."):
        old = getattr(old, part)
    with pytest.raises(CheckpointError) as caught:
        store.newest(changed(path, value))
    assert f"{path} was {old!r}, is {value!r}; change them back, or start anew" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("rank", 16), ("alpha", 16.0), ("targets", ["q_proj"]), ("quantize", "nf4")],
)
def test_what_an_adapter_is_cannot_change(name: str, value: object, store: CheckpointStore) -> None:
    """The same factors would be another policy; how they travel may change."""

    def with_adapters(settings: dict[str, object]) -> RunConfig:
        return RunConfig.model_validate({"learner": {"lora": {"rank": 8} | settings}})

    save(store, 1, config=with_adapters({}))
    with pytest.raises(CheckpointError, match=f"learner.lora.{name} was"):
        store.newest(with_adapters({name: value}))
    assert store.newest(with_adapters({"sync": "adapter", "export": "adapter"})) is not None


def test_a_checkpoint_from_before_a_setting_is_of_what_it_stood_for(
    store: CheckpointStore,
) -> None:
    assert ADDED.items() <= frozen_settings(CONFIG).items()
    save(store, 1)
    path = store.path(1) / "state.json"
    state = json.loads(path.read_text())
    state["settings"] = {key: state["settings"][key] for key in ("seed", "model.path")}
    path.write_text(json.dumps(state))
    for name in ("manifest.json", "files.json"):
        (store.path(1) / name).unlink(missing_ok=True)
    assert store.newest(CONFIG) is not None
    adapters = RunConfig.model_validate({"learner": {"lora": {"rank": 8}}})
    with pytest.raises(CheckpointError, match=r"learner\.lora\.rank was 0, is 8; change them back"):
        store.newest(adapters)
    muon = changed("learner.optimizer", "muon")
    with pytest.raises(CheckpointError, match=r"learner\.optimizer was 'adamw', is 'muon'"):
        store.newest(muon)


@pytest.mark.parametrize(
    ("path", "value"), [("train.steps", 999), ("train.eval_every", 3), ("learner.lr", 1e-3)]
)
def test_other_settings_may_change(path: str, value: object, store: CheckpointStore) -> None:
    save(store, 1)
    assert store.newest(changed(path, value)) is not None


def test_ranks_and_their_zero_stage_may_change(store: CheckpointStore) -> None:
    def with_ranks(ranks: int, stage: int) -> RunConfig:
        return RunConfig.model_validate({"learner": {"ranks": ranks, "zero_stage": stage}})

    save(store, 1, config=with_ranks(2, stage=1))
    assert store.newest(with_ranks(4, stage=3)) is not None


def test_what_changed_is_shown(store: CheckpointStore) -> None:
    save(store, 1)
    found = store.newest(CONFIG)
    assert found is not None
    assert differences(found.config, CONFIG) == []
    current = RunConfig.model_validate(
        {"learner": {"lr": 1e-3, "kl": {"coef": 0.5}}, "run_dir": "moved"}
    )
    assert sorted(differences(found.config, current)) == [
        "learner.kl.coef was 0.0, is 0.5",
        "learner.lr was 5e-07, is 0.001",
    ]


def test_other_prompts_are_refused_before_anything_starts(tmp_path: Path) -> None:
    """The refusal says how the data differ, and leaves the run as it was."""

    def stream(references: str) -> PromptStream:
        asked = [Prompt(f"p{place}", (), one) for place, one in enumerate(references)]
        return PromptStream(asked, seed=0, epochs=None)

    config = RunConfig(run_dir=tmp_path)
    began = stream("1234")
    store = CheckpointStore(tmp_path, keep=1)
    save_state = replace(dispatch(1), source=began.state_dict())
    with store.write(config, 1, save_state) as learner:
        (learner / "weights").write_text("w")
    assert open_run_dir(config, resume=True, overwrite=False, source=stream("1234")) is not None
    written = (tmp_path / "config.yaml").read_text()
    longer = config.model_copy(update={"train": config.train.model_copy(update={"steps": 9})})
    for other, difference in [("1294", "some text, reference or task has changed"), ("123", "3")]:
        with pytest.raises(StreamStateError, match=difference) as caught:
            open_run_dir(longer, resume=True, overwrite=False, source=stream(other))
        assert "\n" not in str(caught.value)
    assert (tmp_path / "config.yaml").read_text() == written


def test_models_of_steps_that_a_resumed_run_makes_again_are_gone(tmp_path: Path) -> None:
    store, models = CheckpointStore(tmp_path, keep=1), tmp_path / "models"
    with store.write(RunConfig(), 2, dispatch(1)) as learner:
        (learner / "weights").write_text("w")
    for name in ("step_000001", "step_000002", "step_000003", "step_000003_ema", "mine"):
        (models / name).mkdir(parents=True)
        (models / name / "model.safetensors").touch()
    open_run_dir(RunConfig(run_dir=tmp_path), resume=True, overwrite=False)
    assert sorted(one.name for one in models.iterdir()) == ["mine", "step_000001", "step_000002"]


def as_before_the_manifest(folder: Path) -> None:
    """What an earlier version wrote of the files: the learner's sizes."""
    (folder / "manifest.json").unlink()
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps(state | {"format": 2}))
    sizes = {name: one.size for name, one in manifest_of(folder / "learner").items()}
    (folder / "files.json").write_text(json.dumps(sizes))


def as_another_version_wrote(folder: Path, settings: dict[str, Any] | None) -> None:
    """The checkpoint's settings as an earlier or a later version of the code has them."""
    state = json.loads((folder / "state.json").read_text())
    if settings is None:
        del state["settings"]
    else:
        state["settings"] |= settings
    (folder / "state.json").write_text(json.dumps(state))


@pytest.mark.parametrize(
    "text",
    [
        "seed: 0\nlearner: {ranks: 1, zero_stage: 1, spare_ranks: 3}\n",  # one was removed
        "seed: 0\nlearner: {ranks: 1}\n",  # one was added
        "seed: 0\nsampler: {group_size: 16}\n",  # one was renamed
        "seed: 0\nrenamed_section: {a: [1, 2]}\nlearner: 7\n",
    ],
)
def test_settings_of_another_version_are_no_damage(
    text: str, store: CheckpointStore, tmp_path: Path
) -> None:
    save(store, 1)
    folder = tmp_path / "checkpoints" / "step_000001"
    as_before_the_manifest(folder)
    (folder / "config.yaml").write_text(text)
    as_another_version_wrote(folder, {"a.setting.of.tomorrow": True})
    assert store.newest(CONFIG) is not None
    as_another_version_wrote(folder, None)
    (folder / "files.json").unlink()
    assert store.newest(CONFIG) is not None
    with pytest.raises(CheckpointError, match=r"seed was 0, is 1; change them back"):
        store.newest(changed("seed", 1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "state.json").write_text('{"format": 1, "st'),
        lambda folder: (folder / "state.json").write_text("[]"),
        lambda folder: (folder / "state.json").write_text('{"format": 1, "step": 2}'),
        lambda folder: (folder / "state.json").write_bytes(b"\0" * 100),
        lambda folder: (folder / "state.json").write_bytes(b"\xff"),
        lambda folder: (folder / "state.json").unlink(),
        lambda folder: (folder / "ready.npz").write_bytes(b"PK" + bytes(100)),
        lambda folder: (folder / "ready.npz").write_bytes(b""),
        lambda folder: (folder / "ready.npz").unlink(),
        lambda folder: (folder / "manifest.json").write_text("[]"),
        lambda folder: (folder / "manifest.json").write_text('{"files": {"state.json": 3}}'),
        lambda folder: (folder / "manifest.json").write_text('{"weig'),
        lambda folder: (folder / "learner" / "weights").unlink(),
        lambda folder: (folder / "learner" / "weights").write_text("longer"),
        lambda folder: flip_a_bit(folder / "state.json"),
        lambda folder: flip_a_bit(folder / "ready.npz"),
        lambda folder: flip_a_bit(folder / "config.yaml"),
        lambda folder: (as_before_the_manifest(folder), (folder / "files.json").write_text("[]")),
        lambda folder: (
            as_before_the_manifest(folder),
            (folder / "learner" / "weights").write_text("longer"),
        ),
    ],
)
def test_damage_is_reported_with_the_way_out(
    damage: Any, store: CheckpointStore, tmp_path: Path
) -> None:
    save(store, 1)
    save(store, 2)
    folder = tmp_path / "checkpoints" / "step_000002"
    damage(folder)
    with pytest.raises(CheckpointError) as caught:
        store.newest(CONFIG)
    assert str(caught.value).startswith(f"{folder} is damaged (")
    assert str(caught.value).endswith("delete it to resume from the one before")
    shutil.rmtree(folder)
    found = store.newest(CONFIG)
    assert found is not None
    assert found.step == 1


def test_another_format_is_refused(store: CheckpointStore, tmp_path: Path) -> None:
    save(store, 1)
    state = tmp_path / "checkpoints" / "step_000001" / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"format": 4}))
    with pytest.raises(CheckpointError, match="has checkpoint format 4, this version reads up to"):
        store.newest(CONFIG)


def test_a_stranger_in_the_folder_does_no_harm(store: CheckpointStore, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "step_best").mkdir(parents=True)
    save(store, 1)
    found = store.newest(CONFIG)
    assert found is not None
    assert found.step == 1


def test_a_full_disk_is_one_line_and_costs_no_old_checkpoint(tiny_disk: Path) -> None:
    store = CheckpointStore(tiny_disk, keep=1)
    save(store, 1)
    with (
        pytest.raises(StorageError) as caught,
        store.write(CONFIG, 2, replace(dispatch(2), source={"position": "x" * 200_000})),
    ):
        pass
    assert str(caught.value) == (
        f"cannot write {tiny_disk}/checkpoints/step_000002: the disk is full: free some space"
    )
    assert store.newest(CONFIG) is not None
    save(store, 2, text="x" * 30_000)
    assert folders(tiny_disk) == ["step_000002"], "the failed attempt does not keep its space"


def test_a_file_is_replaced_whole_or_not_at_all(tiny_disk: Path) -> None:
    path = tiny_disk / "config.yaml"
    write_atomically(path, "old")
    with pytest.raises(StorageError, match="the disk is full"):
        write_atomically(path, "x" * 200_000)
    assert path.read_text() == "old"
    write_atomically(path, "new")
    assert [entry.name for entry in tiny_disk.iterdir() if "config" in entry.name] == [path.name]
    assert path.read_text() == "new"


def test_the_checkpoint_of_an_earlier_version_goes_on(
    store: CheckpointStore, tmp_path: Path
) -> None:
    """Its waiting groups are sampled again, under their own index; no prompt is lost."""
    save(store, 5)
    folder = tmp_path / "checkpoints" / "step_000005"
    (folder / "ready.npz").unlink()
    asked = {"messages": [], "reference": "1", "task": "", "metadata": {}, "tools": []}
    sampler = {
        "next_index": 9,
        "unfinished": [[8, asked | {"id": "p8"}]],
        "ready": [{"index": 6, "prompt": asked | {"id": "p6"}}],
        "rate": {"value": 0.25, "observed": 12, "next": 7, "waiting": []},
        "source": {"position": 3},
    }
    as_before_the_manifest(folder)
    state = json.loads((folder / "state.json").read_text())
    del state["dispatch"]
    state |= {"format": 1, "policy_version": 5, "sampler": sampler}
    (folder / "state.json").write_text(json.dumps(state))
    found = store.newest(CONFIG)
    assert found is not None
    assert (found.step, found.dispatch.taken, found.dispatch.next_index) == (5, 5, 9)
    assert [(index, prompt.id) for index, prompt in found.dispatch.again] == [(6, "p6"), (8, "p8")]
    assert found.dispatch.source == {"position": 3}
    assert found.dispatch.pacing["value"] == 0.25


def long_group(index: int) -> Group:
    text = random.Random(index).randbytes(2000).hex()
    asked = Segment(np.array([1, 2], np.int32))
    sampled = Segment(np.array([7], np.int32), np.array([-1], np.float32), (Span(1, 3),))
    answer = Episode((Trajectory((asked, sampled)),), (), "stop", text)
    prompt = Prompt("p", ({"role": "user", "content": "?"},), "1")
    return Group(index, prompt, 3, (answer,), (Verdict.correct(),))


def test_records_on_a_full_disk_keep_what_was_written(tiny_disk: Path) -> None:
    def row(step: int) -> dict[str, Any]:
        return {"step": step, "time": 1.0, "padding": "x" * 1000}

    recorder = Recorder(tiny_disk, last_step=-1)
    recorder.trained(Batch(0, (long_group(1),)), {})
    recorder.write_step(row(1))
    with pytest.raises(StorageError, match=r"step_000002\.parquet: the disk is full: free [^\n]*$"):
        recorder.trained(Batch(1, tuple(long_group(i) for i in range(100))), {})
    with pytest.raises(StorageError, match=r"the disk is full: free [^\n]*$"):
        for step in range(2, 1000):
            recorder.write_step(row(step))
    with pytest.raises(StorageError, match=r"metrics\.jsonl: the disk is full"):
        recorder.amend(1, eval_accuracy=0.5)
    with contextlib.suppress(StorageError):
        recorder.close()
    steps = [entry["step"] for entry in read_metrics(tiny_disk / "metrics.jsonl")]
    assert steps == list(range(1, len(steps) + 1))
    names = sorted(path.name for path in (tiny_disk / "rollouts").glob("step_*"))
    assert "step_000002.parquet" not in names
    assert parquet.read_table(tiny_disk / "rollouts" / "step_000001.parquet").num_rows == 1


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "the disk is full: free some space"),
        (errno.EDQUOT, "the disk quota is used up: free some space"),
        (errno.EACCES, "permission denied: choose another run_dir"),
        (errno.EROFS, "the file system is read-only: choose another run_dir"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_a_failed_write_says_where_and_what_to_do(code: int, remedy: str) -> None:
    with pytest.raises(StorageError) as caught, writing(Path("runs/a/metrics.jsonl")):
        raise OSError(code, os.strerror(code))
    assert str(caught.value) == f"cannot write runs/a/metrics.jsonl: {remedy}"
    assert "\n" not in str(caught.value)


def test_a_failed_rename_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*final"):
        publish(tmp_path / "never written", tmp_path / "final")
