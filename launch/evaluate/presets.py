"""How reports sample their evaluations, by name; each value with the section that gives it.

`telechat`: Technical Report of TeleChat2, TeleChat2.5 and T1, section 7.2. `enggpt2-standard`:
EngGPT2, section 3.3, the same for every model. `enggpt2-best`: EngGPT2, appendix E, table 16, what
suits each model best. Nothing is taken for a model that the table does not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rl.errors import ConfigError

Sampling = Mapping[str, Any]
"""Fields of `EvaluationConfig`; one that is not there has its default, which changes nothing."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What a report samples with.

    Attributes:
        sampling: temperature and the like.
        thinking: whether the model thinks; None: the report does not say.
        source: the report and its section.
    """

    sampling: Sampling
    thinking: bool | None
    source: str


_TELECHAT: Final = "TeleChat2.5 and T1 report, section 7.2"
_ENGGPT2: Final = "EngGPT2 report, section 3.3"
_TABLE: Final = "EngGPT2 report, appendix E, table 16"

TELECHAT_TOKENS: Final = 32_768
"""Longest output, tokens: section 7.2, for both modes."""
ENGGPT2_TOKENS: Final = 35_000
"""Longest output, tokens: section 3.3, or the model's context if that is shorter."""

_THINKING: Final[Sampling] = {
    "temperature": 0.6,
    "top_p": 0.95,
    "top_k": 50,
    "repetition_penalty": 1.05,
    "max_tokens": TELECHAT_TOKENS,
}
_GREEDY: Final[Sampling] = {
    "temperature": 0.0,
    "repetition_penalty": 1.01,
    "max_tokens": TELECHAT_TOKENS,
}
_STANDARD: Final[Sampling] = {
    "temperature": 0.6,
    "top_p": 0.95,
    "top_k": 20,
    "min_p": 0.0,
    "max_tokens": ENGGPT2_TOKENS,
}


def _best(temperature: float, **others: Any) -> Sampling:
    return {"temperature": temperature, **others, "max_tokens": ENGGPT2_TOKENS}


BEST: Final[Mapping[str, Sampling]] = {
    "EngGPT2-16B-A3B": _best(0.6, top_p=0.95, top_k=20, min_p=0.0),
    "Qwen3-14B": _best(0.6, top_p=0.95, top_k=20, min_p=0.0),
    "Qwen3-30B-A3B": _best(0.6, top_p=0.95, top_k=20, min_p=0.0),
    "gpt-oss-20b": _best(1.0, top_p=1.0, top_k=0),
    "Llama-3.1-8B-Instruct": _best(0.6, top_p=0.9),
    "gemma-2-9b-it": _best(1.0),
    "gemma-3-12b-it": _best(1.0, top_p=0.95, top_k=64, min_p=0.0),
    "Moonlight-16B-A3B-Instruct": _best(0.6, top_p=0.95, top_k=20, min_p=0.0),
}
"""Table 16, by the model's name without its owner."""

NAMES: Final = ("telechat", "enggpt2-standard", "enggpt2-best")


def preset_of(name: str, model: str, thinking: bool | None) -> Preset:
    """What `name` means for a model.

    Args:
        name: one of `NAMES`.
        model: the model's name, with or without its owner.
        thinking: whether it is to think; None: as the preset has it.

    Raises:
        ConfigError: there is no such preset, or it has nothing for the model.
    """
    if name == "telechat":
        thinks = True if thinking is None else thinking
        return Preset(_THINKING if thinks else _GREEDY, thinks, _TELECHAT)
    if name == "enggpt2-standard":
        return Preset(_STANDARD, thinking, _ENGGPT2)
    if name == "enggpt2-best":
        return Preset(_of_table(model), thinking, _TABLE)
    raise ConfigError(f"--preset {name}: there is none of this name; use {', '.join(NAMES)}")


def _of_table(model: str) -> Sampling:
    plain = model.rpartition("/")[2].lower()
    for known, sampling in BEST.items():
        if known.lower() == plain:
            return sampling
    raise ConfigError(
        f"--preset enggpt2-best: {_TABLE} has no {model}; it has {', '.join(BEST)}: use "
        "enggpt2-standard, or give --temperature, --top-p and --top-k"
    )
