"""What a run directory says of every prompt that the run was given."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyarrow import parquet

from rl.checkpoint import CheckpointStore
from rl.config_file import load_config
from rl.rollout_files import episode_files, step_of
from rl.sinks import read_metrics


@dataclass(frozen=True, slots=True)
class Ended:
    """A group that ended, as a step's rollouts hold it."""

    step: int
    index: int
    prompt: str
    ending: str
    answers: tuple[tuple[str, float | None], ...]
    """Text and reward."""


def ended_groups(run_dir: Path) -> list[Ended]:
    """Every group of every step, in dispatch order within a step; surplus is in it each time."""
    found = []
    for path in episode_files(run_dir / "rollouts"):
        rows: dict[tuple[int, str], list[dict[str, object]]] = {}
        for row in parquet.read_table(path).to_pylist():
            rows.setdefault((row["group"], row["ending"]), []).append(row)
        for (index, ending), own in sorted(rows.items()):
            answers = tuple((str(row["response"]), row["reward"]) for row in own)
            prompt = str(own[0]["prompt_id"])
            found.append(Ended(step_of(path) or 0, index, prompt, ending, answers))  # type: ignore[arg-type]
    return found


def faults(run_dir: Path, *, epochs: bool = True) -> list[str]:
    """What is wrong with a run that has saved its last step; empty if nothing is.

    Every index that was given out ended once, or the checkpoint holds it.

    Args:
        run_dir: the run directory.
        epochs: whether the run may have gone through its data more than once; if not, no prompt has
            two indices.
    """
    store = CheckpointStore(run_dir, keep=1)
    checkpoint = store.newest(load_config(run_dir / "config.yaml"))
    if checkpoint is None:
        return ["there is no checkpoint"]
    steps = [row["step"] for row in read_metrics(run_dir / "metrics.jsonl")]
    found = []
    if steps != list(range(checkpoint.step + 1)):
        found.append(f"metrics.jsonl has the steps {steps}")
    groups = [group for group in ended_groups(run_dir) if group.ending != "returned"]
    held = [index for index, _ in checkpoint.dispatch.again]
    held += [group.index for group in checkpoint.dispatch.ready]
    places = Counter([group.index for group in groups] + held)
    found += [f"group {index} is in {n} places" for index, n in places.items() if n > 1]
    lost = set(range(checkpoint.dispatch.next_index)) - places.keys()
    found += [f"group {index} is lost" for index in sorted(lost)]
    found += [f"group {i} was never given" for i in places if i >= checkpoint.dispatch.next_index]
    if not epochs:
        found += [f"prompt {prompt} ended {n} times" for prompt, n in _repeated(groups)]
    trained = Counter(group.step for group in groups if group.ending == "trained")
    if len(set(trained.values())) > 1 or set(trained) != set(range(1, checkpoint.step + 1)):
        found.append(f"the steps trained on {dict(trained)} groups")
    return found


def batches(run_dir: Path) -> dict[int, list[Ended]]:
    """What each step trained on."""
    found: dict[int, list[Ended]] = {}
    for group in ended_groups(run_dir):
        if group.ending == "trained":
            found.setdefault(group.step, []).append(group)
    return found


def _repeated(groups: Iterable[Ended]) -> list[tuple[str, int]]:
    counts = Counter(group.prompt for group in groups)
    return [(prompt, n) for prompt, n in counts.items() if n > 1]
