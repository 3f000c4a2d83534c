"""What graded the answers of a folder, and to which prompts: a run's settings, or what `plumb eval`
has written down.

Guarantee: a prompt is what the data says of it now; where the data has gone, it is not there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from data.errors import DataError
from data.schema import Prompt
from data.sources import load_prompts
from launch.evaluate.sets import BUILTIN, OWN, Reading, read_prompts
from launch.view.curves import results_of
from rl.config import ReadingConfig, RewardConfig, RunConfig
from rl.config_file import load_config
from rl.episodes.environment import load_environment
from rl.errors import ConfigError

CONFIG: Final = "config.yaml"
Row = Mapping[str, Any]
Key = tuple[str, str]
"""Of an evaluation its set, else nothing; and the prompt's id."""


@dataclass(frozen=True, slots=True)
class Graded:
    """What grades a folder's answers.

    Attributes:
        reward: the verifiers.
        prompts: that the rows answer, as far as they are still there.
        judged: whether the environment's own verdict may have counted.
        by_agent: whether agents gave the rewards, so that nothing can be graded anew.
    """

    reward: RewardConfig
    prompts: Mapping[Key, Prompt]
    judged: bool
    by_agent: bool


def graded_of(folder: Path, rows: Sequence[Row]) -> Graded:
    """What grades some rows of a folder.

    Raises:
        ConfigError: the folder does not say, or what it says cannot be used.
    """
    if (folder / CONFIG).is_file():
        config = load_config(folder / CONFIG)
        wanted = {str(row["prompt_id"]) for row in rows}
        prompts = {("", name): prompt for name, prompt in _of_run(config, wanted).items()}
        by_agent = config.agent is not None and config.agent.result == "reward"
        return Graded(config.reward, prompts, judges(config), by_agent)
    results = results_of(folder)
    if not isinstance(results.get("reward"), Mapping):
        raise ConfigError(
            f"{folder} holds neither config.yaml nor a whole results.json, which say how to grade: "
            "let plumb eval come to its end"
        )
    try:
        reward = RewardConfig.model_validate(results["reward"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{folder}/results.json: reward.{where}: {first['msg']}") from error
    return Graded(reward, _of_sets(results, rows), *_played(results, rows))


def key_of(row: Row) -> Key:
    """A row's prompt."""
    return str(row.get("set") or ""), str(row["prompt_id"])


def judges(config: RunConfig) -> bool:
    """Whether the environment of a run may give verdicts itself."""
    if config.env is None:
        return False
    try:
        kind = getattr(load_environment(config.env, config.episode), "kind", None)
    except ConfigError:
        return True  # nobody can say
    return any(callable(getattr(kind, name, None)) for name in ("reward", "get_reward"))


def _of_run(config: RunConfig, wanted: set[str]) -> dict[str, Prompt]:
    """The prompts of a run's data that are asked for, by id."""
    data = config.data
    sources: list[tuple[str, ReadingConfig, str]] = [
        (name, one, one.file) for name, one in data.training.items()
    ]
    sources += [("", data, data.eval)] if data.eval else []
    sources += [("", data, one.file) for one in config.evaluation.values() if one.file]
    found: dict[str, Prompt] = {}
    for name, reading, file in sources:
        if wanted <= found.keys():
            break
        for prompt in _loaded(reading, file):
            own = prompt.of_source(name) if name else prompt
            if own.id in wanted:
                found.setdefault(own.id, own)
    return found


def _loaded(reading: ReadingConfig, file: str) -> list[Prompt]:
    try:
        return load_prompts(
            file, **reading.columns, system=reading.system, template=reading.template
        )
    except DataError:
        return []  # moved or changed since: what the rollouts hold is graded


def _of_sets(results: Mapping[str, Any], rows: Sequence[Row]) -> dict[Key, Prompt]:
    """The prompts of an evaluation's files that are asked for; each has the task that it had."""
    tasks = {key_of(row): str(row.get("task") or "") for row in rows}
    found = {}
    for name, one in _sets(results, rows):
        for prompt in _read(name, one, results.get("run_dir")):
            if (name, prompt.id) in tasks:
                task = tasks[name, prompt.id]
                found[name, prompt.id] = prompt if prompt.task == task else _as(prompt, task)
    return found


def _as(prompt: Prompt, task: str) -> Prompt:
    return replace(prompt, task=task)


def _read(name: str, one: Mapping[str, Any], run: Any) -> list[Prompt]:
    file, format = str(one.get("file")), str(one.get("format"))
    if format != BUILTIN and not Path(file).exists():  # of a hub, or gone: nothing is fetched here
        return []
    columns = None
    if format == OWN:
        if not (isinstance(run, str) and (Path(run) / CONFIG).is_file()):
            return []
        columns = load_config(Path(run) / CONFIG).data.columns
    reading = Reading(file) if format in (OWN, BUILTIN) else Reading(file, format)
    try:
        prompts, _ = read_prompts(name, reading, columns)
    except DataError:
        return []
    return prompts


def _played(results: Mapping[str, Any], rows: Sequence[Row]) -> tuple[bool, bool]:
    """Whether an environment may have judged the rows' sets, and whether agents gave rewards."""
    judged = by_agent = False
    for _, one in _sets(results, rows):
        asked = one.get("asked")
        asked = asked if isinstance(asked, Mapping) else {}
        agent = asked.get("agent")
        by_agent |= isinstance(agent, Mapping) and agent.get("result") == "reward"
        judged |= "environment" in asked  # it may
    return judged, by_agent


def _sets(
    results: Mapping[str, Any], rows: Sequence[Row]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The sets of an evaluation that rows are of."""
    sets = results.get("sets")
    for name in sorted({key_of(row)[0] for row in rows}):
        one = sets.get(name) if isinstance(sets, Mapping) else None
        if isinstance(one, Mapping):
            yield name, one
