"""A plan's memory is what torch allocates in an update, within a tenth, under ten settings."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rl.config import RunConfig
from rl.plan.hardware import GIB, cpu_host
from rl.plan.memory import RankMemory, rank_memory
from rl.plan.settings import merges, pass_of, states_of
from rl.plan.shape import shape_of
from tests.rl.ranks import run_script

pytestmark = pytest.mark.timeout(1800)
SCRIPT = Path(__file__).with_name("plan_process.py")
BUCKET = 100_000
"""Numbers of a bucket: DeepSpeed's own, of 500 million, would be all that is seen."""
WITHIN = 0.10

BASE: Mapping[str, Any] = {
    "model_type": "qwen3",
    "vocab_size": 6000,
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
MODELS: Mapping[str, Mapping[str, Any]] = {
    "tied": BASE,
    "untied": BASE | {"tie_word_embeddings": False},
    "deep": BASE | {"num_hidden_layers": 12, "intermediate_size": 512, "vocab_size": 2000},
    "thin": BASE | {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 8},
    "words": BASE | {"vocab_size": 30_000, "num_hidden_layers": 2},
    "llama": {name: value for name, value in BASE.items() if name not in ("model_type", "head_dim")}
    | {"model_type": "llama", "num_key_value_heads": 4},
    "experts": BASE
    | {
        "model_type": "qwen3_moe",
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 256,
    },
}
FOUR, EIGHT = [512] * 4, [512] * 8
SHORT = {"micro_batch_tokens": 512}
"""With rows of 256 tokens: most processors take long over bf16."""
CASES: Mapping[str, tuple[int, str, list[int], str, Mapping[str, Any]]] = {
    "packed": (1, "tied", FOUR, "fp32", {}),
    "bf16": (1, "untied", [256] * 4, "bf16", SHORT),
    "no-zero": (1, "words", FOUR, "fp32", {"zero_stage": 0, "head_chunk": 128}),
    "checkpointed": (
        1,
        "thin",
        FOUR,
        "fp32",
        {"gradient_checkpointing": True, "micro_batch_tokens": 2048},
    ),
    "stepping": (1, "deep", FOUR, "fp32", {"gradient_checkpointing": True}),
    "not-checkpointed": (1, "deep", [256] * 4, "bf16", SHORT),
    "padded": (1, "untied", FOUR, "fp32", {"packing": False}),
    "experts": (1, "experts", FOUR, "fp32", {}),
    "one-pass": (1, "llama", [256] * 2, "bf16", SHORT),
    "adapters": (1, "deep", FOUR, "fp32", {"lora": {"rank": 64}}),
    "adapters-alone": (
        1,
        "llama",
        [256] * 4,
        "bf16",
        {"lora": {"rank": 16}, "zero_stage": 0, **SHORT},
    ),
    "zero-2": (2, "untied", EIGHT, "fp32", {"zero_stage": 2}),
    "zero-3": (2, "words", [256] * 8, "bf16", {"zero_stage": 3, **SHORT}),
    "slices": (2, "deep", [1024] * 4, "fp32", {"sequence_parallel": 2}),
}
"""Ranks, model, rows, type, and other settings of the learner."""


def config_of(name: str, folder: Path) -> RunConfig:
    ranks, model, rows, dtype, settings = CASES[name]
    return RunConfig.model_validate(
        {
            "model": {"path": str(folder / model), "dtype": dtype},
            "rollout": {"max_prompt_tokens": 8, "max_response_tokens": max(rows) - 8},
            "learner": {
                "ranks": ranks,
                "warmup_steps": 0,
                "mini_batch_size": len(rows),
                "micro_batch_tokens": 1024,
                "head_chunk": 256,
                **settings,
            },
        }
    )


def foretold(name: str, folder: Path) -> RankMemory:
    config = config_of(name, folder)
    _, model, rows, *_ = CASES[name]
    shape, host = shape_of(str(folder / model)), cpu_host(2, 8 * GIB)
    in_pass = config.learner.micro_batch_tokens * config.learner.sequence_parallel // rows[0]
    micro = pass_of(config, shape, host, rows=in_pass)
    passes = len(rows) // config.learner.data_ranks // in_pass
    states = states_of(config, shape, host, bucket=BUCKET)
    return rank_memory(
        states,
        micro,
        passes=passes,
        bucket=config.sync.bucket_mb * 2.0**20,
        whole=not config.learner.lora.on or merges(config, states.width),
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The folder of models, and that of what was measured on each."""
    models, out = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("measured")
    make_models(models)
    cases = [
        [
            name,
            case[0],
            {
                "config": config_of(name, models).model_dump(mode="json"),
                "bucket": BUCKET,
                "lengths": case[2],
            },
        ]
        for name, case in CASES.items()
    ]
    run_script(SCRIPT, str(out), json.dumps(cases), seconds=1700)
    yield models, out


def make_models(folder: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from rl.tiny import make_tokenizer

    torch.manual_seed(0)
    for name, settings in MODELS.items():
        network = AutoModelForCausalLM.from_config(AutoConfig.for_model(**settings))
        network.save_pretrained(folder / name)
        make_tokenizer().save_pretrained(folder / name)


@pytest.mark.parametrize("name", CASES)
def test_a_plan_foretells_what_torch_allocates(name: str, measured: tuple[Path, Path]) -> None:
    models, out = measured
    told = foretold(name, models)
    for rank in range(CASES[name][0]):
        found = json.loads((out / f"{name}_{rank}.json").read_text())
        # Only the first rank sends weights to engines.
        total = told.total - (told.sending if rank else 0.0)
        assert total == pytest.approx(found["peak"], rel=WITHIN), f"{told}, measured {found}"
