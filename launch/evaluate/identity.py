"""What answers, verdicts and scores of an evaluation depend on, beside prompt and number.

Guarantee: what changes an answer is in it, and nothing else: engines, workers and limits of time
may change between two starts of one evaluation.
"""

from hashlib import sha256
from typing import Any

from launch.datasets.identity import model_digest, model_name
from launch.evaluate.sets import EvalSet
from launch.evaluate.work import Work

SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "max_tokens",
    "tools",
)
"""Settings of a set that an answer depends on."""


def asked_by(work: Work, one: EvalSet) -> dict[str, Any]:
    """What the answers of a set depend on."""
    config = work.config
    rollout, episode = config.rollout, config.episode
    if work.served is not None:
        model: dict[str, Any] = {"name": work.served.model or work.target.name}
    else:
        path = config.model.path
        digest, dtype = model_digest(path), config.model.dtype
        model = {"name": model_name(path), "sha256": digest, "dtype": dtype}
    settings = one.settings.model_dump(mode="json")
    found: dict[str, Any] = {
        "model": model,
        "sampling": {name: settings[name] for name in SAMPLING},
        "thinking": work.thinking,
        "rendering": {
            "stop": rollout.stop,
            "stop_token_ids": rollout.stop_token_ids,
            "template_arguments": rollout.template_arguments,
            "template_file": str(rollout.template_file or ""),
            "max_prompt_tokens": rollout.max_prompt_tokens,
        },
        "seed": config.seed,
    }
    if rollout.template_file is not None and work.served is None:
        template = sha256(rollout.template_file.read_bytes()).hexdigest()
        found["rendering"]["template_sha256"] = template
    if config.modes:
        shown = {"share", "checks"}  # on which no answer depends
        found["modes"] = {
            name: mode.model_dump(mode="json", exclude=shown) for name, mode in config.modes.items()
        }
    if config.env is not None:
        found["environment"] = config.env.model_dump(mode="json")
        found["episode"] = episode.model_dump(mode="json", exclude={"retries", "calls_at_once"})
    if config.agent is not None:
        found["agent"] = config.agent.model_dump(mode="json", exclude={"at_once"})
    return found


def graded_by(work: Work) -> dict[str, Any]:
    """What verdicts depend on."""
    reward = work.config.reward.model_dump(mode="json")
    names = ("verifier", "options", "routes", "scale", *(["terms"] if reward["terms"] else []))
    found: dict[str, Any] = {name: reward[name] for name in names}
    for one in (found, *found["routes"].values()):
        box = one["options"].get("box")
        if isinstance(box, dict):  # how many programs run at once: no verdict depends on it
            one["options"]["box"] = {name: at for name, at in box.items() if name != "slots"}
    return found
