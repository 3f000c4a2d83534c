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
from launch.view.regrade_sources import Key, Row, graded_of, key_of
from launch.view.texts import messages_of
from rewards import Sample, Verdict
from rewards.errors import RewardError
from rl.config import RewardConfig
from rl.config.modes import TERM
from rl.errors import ConfigError, PlumbError
from rl.rewarding import grading_pool
from sandbox.errors import SandboxError

GONE: Final = "the data of the run has no such prompt any more: tools and other columns are missing"
JUDGED: Final = "this is the verifier's verdict: in the run, the environment's own may have counted"


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


def _answer(action: str, folder: Path, rows: Sequence[Row]) -> list[dict[str, Any]]:
    if action == "row":
        known = _known(folder, rows)
        return [_verify_row(row, _prompt_of(row, known)) for row in rows]
    graded = graded_of(folder, rows)
    known = graded.prompts
    if graded.by_agent:
        raise ConfigError("the run's agents give the rewards: answers cannot be graded anew")
    samples = [_sample(row, _prompt_of(row, known), graded.reward) for row in rows]
    verdicts = asyncio.run(_grade(graded.reward, samples))
    judged = JUDGED if graded.judged else ""
    return [
        {
            "outcome": str(verdict.outcome),
            "reward": verdict.reward if verdict.is_gradable else None,
            "reason": verdict.reason,
            "metrics": dict(verdict.metrics),
            "note": judged if key_of(row) in known else GONE,
        }
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


def _known(folder: Path, rows: Sequence[Row]) -> Mapping[Key, Prompt]:
    """The prompts of rows; nothing where the folder does not say what its data was."""
    try:
        return graded_of(folder, rows).prompts
    except ConfigError:
        return {}


async def _grade(reward: RewardConfig, samples: Sequence[Sample]) -> list[Verdict]:
    few = reward.model_copy(update={"nodes": 0, "workers": min(2, reward.workers)})
    pool = grading_pool(few)
    await pool.start()
    try:
        return await pool.grade(samples)
    finally:
        await pool.aclose()


def _prompt_of(row: Row, known: Mapping[Key, Prompt]) -> Prompt:
    """The prompt of a row; its reference is what it was in the run."""
    reference = _reference(row.get("reference"))
    prompt = known.get(key_of(row))
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


def _sample(row: Row, prompt: Prompt, reward: RewardConfig) -> Sample:
    metadata = {**prompt.metadata, "response_tokens": row.get("tokens") or 0}
    metadata["reasoning_mode"] = row.get("mode") or ""
    metadata["thinking_tokens"] = _thinking_tokens(row, reward)
    if (turn := _policy_turn(row)) is not None:
        metadata["policy_turn"] = turn
    opened = row.get("opened")
    return Sample(
        id=f"{prompt.id}#{row.get('episode')}",
        prompt=prompt.messages,
        response=str(row.get("response") or ""),
        reference=prompt.reference,
        task=prompt.task,
        tools=prompt.tools,
        metadata=metadata,
        stop_reason="length" if row.get("stop_reason") == "length" else "stop",
        thinking=opened if opened in ("open", "none") else None,
        transcript=tuple(messages_of(row.get("messages"))),
    )


def _policy_turn(row: Row) -> Any:
    """The policy's last turn, where an agent wrote the response; None: the response is it."""
    said = messages_of(row.get("messages"))
    if "agent_seconds" not in dict(row.get("metrics") or ()) or row.get("opened") != "none":
        return None
    if not said:
        return None
    content = said[-1].get("content")
    return None if content == row.get("response") else content


def _thinking_tokens(row: Row, reward: RewardConfig) -> Any:
    """What was counted in the run, which its terms that look at thinking have noted."""
    metrics = dict(row.get("metrics") or ())
    names = [f"{name}.tokens" for name, term in reward.terms.items() if (term.spec or name) == TERM]
    return next((metrics[name] for name in names if name in metrics), None)


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
    if row.get("opened") in ("open", "none"):
        made["thinking"] = row["opened"]
    return {"task": prompt.task or "text", "row": made}


if __name__ == "__main__":
    main()
