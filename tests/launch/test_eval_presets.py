"""Presets have the values of the reports, and nothing for what a report does not say."""

import pytest

from launch.evaluate.presets import BEST, NAMES, preset_of
from rl.config import EvaluationConfig
from rl.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "model", "thinking", "values"),
    [
        # temperature, top_p, top_k, min_p, repetition_penalty, max_tokens
        ("telechat", "T1-115B", None, (0.6, 0.95, 50, 0.0, 1.05, 32_768)),
        ("telechat", "TeleChat2.5-35B", False, (0.0, 1.0, 0, 0.0, 1.01, 32_768)),
        ("enggpt2-standard", "anything", None, (0.6, 0.95, 20, 0.0, 1.0, 35_000)),
        ("enggpt2-best", "Qwen/Qwen3-14B", None, (0.6, 0.95, 20, 0.0, 1.0, 35_000)),
        ("enggpt2-best", "openai/gpt-oss-20b", True, (1.0, 1.0, 0, 0.0, 1.0, 35_000)),
        (
            "enggpt2-best",
            "meta-llama/llama-3.1-8b-instruct",
            None,
            (0.6, 0.9, 0, 0.0, 1.0, 35_000),
        ),
        ("enggpt2-best", "gemma-3-12b-it", None, (1.0, 0.95, 64, 0.0, 1.0, 35_000)),
    ],
)
def test_a_preset_is_what_its_report_says(
    name: str, model: str, thinking: bool | None, values: tuple[float, ...]
) -> None:
    found = EvaluationConfig.model_validate(preset_of(name, model, thinking).sampling)
    said = (found.temperature, found.top_p, found.top_k, found.min_p)
    assert (*said, found.repetition_penalty, found.max_tokens) == values


def test_every_preset_says_where_it_is_from_and_can_be_used() -> None:
    for name in NAMES:
        for model in BEST:
            preset = preset_of(name, model, None)
            assert "section" in preset.source or "appendix" in preset.source
            EvaluationConfig.model_validate(preset.sampling)


def test_a_model_that_the_table_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"table 16 has no Qwen3-8B; it has EngGPT2-16B-A3B"):
        preset_of("enggpt2-best", "Qwen3-8B", None)
