"""The process that grades answers anew: one request on standard input, one line on standard output.

A prompt is what the run's data says of its id, with tools and other columns; where the data has
gone, it is what the rollouts hold, and the answer says so.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from data.errors import DataError
from data.schema import Prompt
from data.sources import load_prompts
from launch.view.texts import messages_of
from rewards import Sample, Verdict
from rewards.errors import RewardError
from rl.config import ReadingConfig, RunConfig
from rl.config_file import load_config
from rl.episodes.environment import load_environment
from rl.errors import ConfigError, PlumbError
from rl.rewarding import grading_pool
from sandbox.errors import SandboxError

GONE: Final = "the data of the run has no such prompt any more: tools and other columns are missing"
JUDGED: Final = "this is the verifier's verdict: in the run, the environment's own may have counted"
Row = Mapping[str, Any]


def main() -> None:
    """Answer one request."""
    # What a verifier prints must not stand in the answer's way.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked = json.loads(sys.stdin.read())
    said: dict[str, Any]
    try:
        said = {"rows": _answer(asked["action"], Path(asked["run"]), asked["rows"])}
    except (PlumbError, DataError, RewardError, SandboxError) as error:
        said = {"error": str(error)}
    answer.write(json.dumps(said) + "\n")
    answer.flush()


def _answer(action: str, run: Path, rows: Sequence[Row]) -> list[dict[str, Any]]:
    if not (run / "config.yaml").is_file():
        return _without_config(action, run, rows)
    config = load_config(run / "config.yaml")
    known = _prompts(config, {str(row["prompt_id"]) for row in rows})
    if action == "row":
        return [_verify_row(row, _prompt_of(row, known)) for row in rows]
    if config.agent is not None and config.agent.result == "reward":
        raise ConfigError("the run's agents give the rewards: answers cannot be graded anew")
    judged = JUDGED if _judges(config) else ""
    samples = [_sample(row, _prompt_of(row, known)) for row in rows]
    verdicts = asyncio.run(_grade(config, samples))
    return [
        {
            "outcome": str(verdict.outcome),
            "reward": verdict.reward if verdict.is_gradable else None,
            "reason": verdict.reason,
            "metrics": dict(verdict.metrics),
            "note": judged if str(row["prompt_id"]) in known else GONE,
        }
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


def _judges(config: RunConfig) -> bool:
    """Whether the environment of a run may give verdicts itself."""
    if config.env is None:
        return False
    try:
        kind = getattr(load_environment(config.env, config.episode), "kind", None)
    except ConfigError:
        return True  # nobody can say
    return any(callable(getattr(kind, name, None)) for name in ("reward", "get_reward"))


def _without_config(action: str, run: Path, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of what `plumb eval` leaves, by what they hold themselves."""
    if action != "row":
        raise ConfigError(
            f"{run} holds no config.yaml, which says how to grade: copy the answer as a row and "
            "give it to plumb verify"
        )
    return [_verify_row(row, _prompt_of(row, {})) for row in rows]


async def _grade(config: RunConfig, samples: Sequence[Sample]) -> list[Verdict]:
    reward = config.reward.model_copy(update={"nodes": 0, "workers": min(2, config.reward.workers)})
    pool = grading_pool(reward)
    await pool.start()
    try:
        return await pool.grade(samples)
    finally:
        await pool.aclose()


def _prompts(config: RunConfig, wanted: set[str]) -> dict[str, Prompt]:
    """The prompts of the run's data that are asked for, by id."""
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
            file,
            prompt_column=reading.prompt_column,
            reference_column=reading.reference_column,
            reference_pattern=reading.reference_pattern,
            tools_column=reading.tools_column,
            task_column=reading.task_column,
            task=reading.task,
            system=reading.system,
            template=reading.template,
        )
    except DataError:
        return []  # moved or changed since: what the rollouts hold is graded


def _prompt_of(row: Row, known: Mapping[str, Prompt]) -> Prompt:
    """The prompt of a row; its reference is what it was in the run."""
    reference = _reference(row.get("reference"))
    prompt = known.get(str(row["prompt_id"]))
    if prompt is None:
        text = str(row.get("prompt") or "").removeprefix("user: ")
        return Prompt(
            id=str(row["prompt_id"]),
            messages=({"role": "user", "content": text},),
            reference=reference,
            task=str(row.get("task") or ""),
        )
    told = prompt.reference if isinstance(prompt.reference, str) else None
    return prompt if told is None else replace(prompt, reference=row.get("reference"))


def _reference(text: Any) -> Any:
    """A reference as it was: what is no text was written as JSON."""
    if isinstance(text, str) and (text[:1] in "[{" or text == "null"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _sample(row: Row, prompt: Prompt) -> Sample:
    metadata = {**prompt.metadata, "response_tokens": row.get("tokens") or 0}
    thinking = row.get("thinking")
    return Sample(
        id=f"{prompt.id}#{row.get('episode')}",
        prompt=prompt.messages,
        response=str(row.get("response") or ""),
        reference=prompt.reference,
        task=prompt.task,
        tools=prompt.tools,
        metadata=metadata,
        stop_reason="length" if row.get("stop_reason") == "length" else "stop",
        thinking=thinking if thinking in ("open", "none") else None,
        transcript=tuple(messages_of(row.get("messages"))),
    )


def _verify_row(row: Row, prompt: Prompt) -> dict[str, Any]:
    """A row that `plumb verify` takes, for the row's task."""
    name = f"{prompt.id}#{row.get('group')}.{row.get('episode')}"
    made: dict[str, Any] = {"id": name, "response": row.get("response") or ""}
    columns = prompt.metadata
    if prompt.task == "code":
        made["tests"] = prompt.reference
        made |= {key: columns[key] for key in ("language", "limits") if columns.get(key)}
    elif prompt.task == "tool":
        made |= {"tools": list(prompt.tools), "reference": prompt.reference}
        made |= {key: columns[key] for key in ("mode", "turn", "language") if columns.get(key)}
    elif prompt.task == "math":
        made["reference"] = prompt.reference
    else:
        made |= {"messages": [dict(one) for one in prompt.messages], "reference": prompt.reference}
        made |= {"tools": list(prompt.tools)} if prompt.tools else {}
    if row.get("thinking") in ("open", "none"):
        made["thinking"] = row["thinking"]
    return {"task": prompt.task or "text", "row": made}


if __name__ == "__main__":
    main()
