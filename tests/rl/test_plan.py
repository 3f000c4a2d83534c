"""Plans on paper: shapes, rates, what fits and what would, without starting anything."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rl.config import RunConfig
from rl.errors import ClusterError, ConfigError, ModelError
from rl.placement import Node
from rl.plan.fitting import changed, engine_remedy, fit, learner_remedy
from rl.plan.hardware import GIB, GPUS, cpu_host, gpu_of
from rl.plan.known import KNOWN
from rl.plan.plan import Plan, host_memory, plan_of
from rl.plan.shape import described, shape_of
from rl.plan.speed import decoding, forward_flops
from rl.plan.times import Times, assumed_of

H100 = GPUS["h100-80gb"]
SIZES = {
    # The hub's own counts.
    "Qwen3-0.6B": 596_049_920,
    "Qwen3-1.7B": 1_720_574_976,
    "Qwen3-4B": 4_022_468_096,
    "Qwen3-8B": 8_190_735_360,
    "Qwen3-14B": 14_768_307_200,
    "Qwen3-32B": 32_762_123_264,
    "Qwen3-30B-A3B": 30_532_122_624,
    "Qwen3-235B-A22B": 235_093_634_560,
    "Llama-3.1-8B": 8_030_261_248,
    "Llama-3.1-70B": 70_553_706_496,
}


def settings(**sections: Mapping[str, Any]) -> RunConfig:
    small = {
        "sampler": {"prompts_per_step": 16, "samples_per_prompt": 4},
        "model": {"path": "Qwen3-8B"},
        "rollout": {"engines": 2, "max_response_tokens": 7168},
        "learner": {"ranks": 4, "zero_stage": 3, "gradient_checkpointing": True},
    }
    return RunConfig.model_validate(
        {name: small.get(name, {}) | dict(sections.get(name, {})) for name in {*small, *sections}}
    )


def timed(config: RunConfig) -> Times:
    found = planned(config).times
    assert found is not None
    return found


def planned(config: RunConfig, nodes: int = 1, gpu: str = "h100-80gb") -> Plan:
    shape = shape_of(config.model.path)
    there = [Node(f"node {i}", 8) for i in range(nodes)]
    return plan_of(config, shape, GPUS[gpu], there, assumed_of(config))


@pytest.mark.parametrize("name", SIZES)
def test_shapes_of_public_models_have_their_parameters(name: str) -> None:
    assert shape_of(f"owner/{name}").parameters == SIZES[name]


def test_the_reports_models_have_about_their_parameters() -> None:
    assert shape_of("TeleChat2.5-35B").parameters == pytest.approx(35e9, rel=0.02)
    assert shape_of("TeleChat2.5-115B").parameters == pytest.approx(115e9, rel=0.02)


@pytest.mark.parametrize("kind", ["qwen3", "qwen3_moe", "llama", "qwen2", "mixtral"])
def test_a_shape_counts_what_the_network_has(kind: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {
        "vocab_size": 500, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "num_experts": 6,
        "num_experts_per_tok": 2, "num_local_experts": 6, "moe_intermediate_size": 48,
        "tie_word_embeddings": kind == "qwen2",
    }  # fmt: skip
    if kind in ("qwen3", "llama", "qwen2"):
        sizes = {name: size for name, size in sizes.items() if "expert" not in name}
    if kind == "mixtral":
        sizes = {name: size for name, size in sizes.items() if name != "moe_intermediate_size"}
        sizes.pop("num_experts")
    if kind == "qwen2":
        sizes.pop("head_dim")
    config = AutoConfig.for_model(kind, **sizes)
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(config)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert described(config.to_dict(), kind).parameters == counted


def test_the_builtin_model_is_known() -> None:
    from rl.tiny import make_model, make_tokenizer

    counted = sum(one.numel() for one in make_model(make_tokenizer(), seed=0).parameters())
    assert shape_of("builtin:tiny").parameters == counted


def test_a_shape_is_read_from_a_folder_and_what_is_not_described_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(KNOWN["Qwen3-4B"]))
    assert shape_of(str(tmp_path)).parameters == SIZES["Qwen3-4B"]
    for broken, words in (
        (KNOWN["Qwen3-4B"] | {"kv_lora_rank": 512}, "latent attention"),
        ({"hidden_size": 4}, "no num_attention_heads"),
        ([], "JSON object"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(broken))
        with pytest.raises(ModelError, match=words):
            shape_of(str(tmp_path))
    with pytest.raises(ModelError, match="not known here"):
        shape_of("nobody/nothing")


def test_hardware_is_found_by_what_its_driver_calls_it() -> None:
    for name, found in (
        ("NVIDIA H100 80GB HBM3", "h100-80gb"),
        ("NVIDIA A100-SXM4-40GB", "a100-40gb"),
        ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
        ("NVIDIA H200", "h200-141gb"),
        ("NVIDIA GeForce RTX 4090", "rtx4090-24gb"),
        ("h100", "h100-80gb"),
        ("l40s", "l40s-48gb"),
    ):
        assert gpu_of(name).name == found, name
    with pytest.raises(ConfigError, match="h100-80gb"):
        gpu_of("abacus")


def test_flops_are_twice_the_parameters_and_what_attention_looks_at() -> None:
    shape = shape_of("Qwen3-8B")
    assert forward_flops(shape, 0) == 2 * shape.active_parameters
    looked = forward_flops(shape, 10_000) - forward_flops(shape, 0)
    assert looked == 4 * 36 * 4096 * 10_000 / 2
    assert shape_of("Qwen3-235B-A22B").active_parameters == pytest.approx(22e9, rel=0.03)


def test_an_engine_decodes_faster_with_more_gpus_and_slower_with_longer_answers() -> None:
    shape = shape_of("Qwen3-8B")
    one, two = (decoding(shape, H100, gpus, 2, 4000, 256) for gpus in (1, 2))
    assert one.full < two.full < 2 * one.full
    assert decoding(shape, H100, 1, 2, 16_000, 256).full < one.full
    # A single answer is bound by the weights that each step reads.
    assert one.alone < H100.bandwidth / (2 * shape.parameters)


def test_a_run_that_fits_has_its_parts_on_gpus_of_their_own() -> None:
    plan = planned(settings())
    assert plan.lacks == ()
    assert plan.gpus == 6
    assert plan.placement.layout == "apart"
    assert plan.rank.total < plan.rank_room < H100.memory
    times = timed(settings())
    assert times.step >= max(times.generate, times.learn)
    assert times.gpu_hours == pytest.approx(times.step * 200 * 6 / 3600)
    assert times.trained == 16 * 4 * 7168 / 4


def test_sampling_meanwhile_is_faster_and_turns_are_slower() -> None:
    synchronous, meanwhile = (timed(settings(sampler={"max_lag": lag})).step for lag in (0, 2))
    assert meanwhile < synchronous
    colocated = settings(placement={"layout": "colocated"})
    turns = planned(colocated)
    assert turns.placement.sleeps
    assert turns.gpus == 4
    assert timed(colocated).sync > timed(settings()).sync


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"gradient_checkpointing": True}, {"gradient_checkpointing": False}),
        ({"ranks": 6}, {"ranks": 4}),
        ({"zero_stage": 3}, {"zero_stage": 2}),
        ({"zero_stage": 2}, {"zero_stage": 1}),
        (
            {"sequence_parallel": 4, "micro_batch_tokens": 2048},
            {"sequence_parallel": 1, "micro_batch_tokens": 2048},
        ),
        ({"head_chunk": 512}, {"head_chunk": 8192}),
        ({"optimizer_offload": True}, {"optimizer_offload": False}),
        ({"lora": {"rank": 16}}, {"lora": {"rank": 0}}),
        ({"kl": {"coef": 0.0}}, {"kl": {"coef": 0.1}}),
    ],
)
def test_what_saves_memory_does_so_on_paper(less: dict[str, Any], more: dict[str, Any]) -> None:
    totals = [planned(settings(learner=one)).rank.total for one in (less, more)]
    assert totals[0] < totals[1]


def test_what_cannot_fit_is_named_and_the_remedy_makes_it_fit() -> None:
    for path, given in (
        ("Qwen3-8B", {"ranks": 2, "zero_stage": 1, "gradient_checkpointing": False}),
        ("Qwen3-32B", {"ranks": 4, "zero_stage": 2}),
        ("TeleChat2.5-115B", {"ranks": 8}),
    ):
        config = settings(model={"path": path}, learner=given, rollout={"engines": 1})
        plan = planned(config, nodes=4)
        assert any("learner rank needs" in line for line in plan.lacks)
        assert plan.times is None
        shape, assumed = plan.shape, assumed_of(config)
        remedy = learner_remedy(config, shape, H100, plan.placement, assumed)
        assert remedy
        mended = changed(config, remedy)
        for_engine = engine_remedy(mended, shape, H100, plan.placement)
        assert for_engine is not None
        assert planned(changed(mended, for_engine), nodes=40).lacks == (), remedy


def test_an_engine_without_room_for_a_context_is_named_and_gets_more_gpus() -> None:
    config = settings(model={"path": "Qwen3-32B"}, rollout={"engines": 1, "tensor_parallel": 1})
    plan = planned(config, nodes=8)
    assert any("KV cache" in line for line in plan.lacks)
    remedy = engine_remedy(config, plan.shape, H100, plan.placement)
    assert remedy
    mended = changed(config, remedy)
    assert not any("KV cache" in line for line in planned(mended, nodes=8).lacks)
    assert engine_remedy(mended, plan.shape, H100, plan.placement) == {}


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_an_optimizer_in_the_hosts_memory_makes_its_step_there(stage: int) -> None:
    """Where its gradients are too: no copy of them is on the GPU."""
    learner = {"ranks": 1, "optimizer_offload": True, "zero_stage": stage}
    learner |= {"micro_batch_tokens": 2048, "gradient_checkpointing": True}
    short = {"engines": 1, "max_response_tokens": 1024}
    plan = planned(settings(model={"path": "Qwen3-4B"}, learner=learner, rollout=short))
    assert plan.rank.moment != "the optimizer's step"


def test_the_hosts_memory_holds_what_is_written_beside_training() -> None:
    copied, waited = (
        planned(settings(learner={"zero_stage": 1}, train={"checkpoint_async": copies})).rank
        for copies in (True, False)
    )
    weights, of_optimizer = 2 * SIZES["Qwen3-8B"], 12 * SIZES["Qwen3-8B"] / 4
    assert copied.host - waited.host == copied.saving == weights + of_optimizer
    assert waited.host == waited.saving == 0
    kept = planned(settings(learner={"ema": 0.9, "zero_stage": 1})).rank
    assert kept.host - copied.host == 2 * 4 * SIZES["Qwen3-8B"], "the mean is there, and copied"


def test_on_a_cpu_host_what_is_written_has_to_have_room_beside_the_rank() -> None:
    """The host's memory is the rank's own."""

    def of(gib: float, *, copies: bool = True) -> Plan:
        config = settings(
            model={"path": "Qwen3-0.6B", "dtype": "fp32"},
            rollout={"engines": 1, "max_response_tokens": 512},
            learner={"ranks": 1, "zero_stage": 1},
            train={"checkpoint_async": copies},
        )
        shape = shape_of("Qwen3-0.6B")
        return plan_of(config, shape, cpu_host(8, gib * GIB), [Node("here", 0)], assumed_of(config))

    ample = of(1000)
    assert not ample.lacks
    others = 1000 * GIB - ample.rank_room
    between = (others + ample.rank.total + ample.rank.host / 2) / GIB
    (lack,) = of(between).lacks
    assert "of its host's memory" in lack
    assert not of(between, copies=False).lacks
    assert not of(between + ample.rank.host / GIB).lacks


def test_what_leaves_a_gpu_in_turns_is_there_with_the_reference_model() -> None:
    turns: dict[str, Any] = {"placement": {"layout": "colocated"}}
    without, beside = (
        planned(settings(learner={"kl": {"coef": coef}}, **turns)) for coef in (0.0, 0.1)
    )
    more = [host_memory(one.rank, one.placement) for one in (beside, without)]
    assert more[0] - more[1] == 2 * SIZES["Qwen3-8B"] / 4
    assert (
        timed(settings(learner={"kl": {"coef": 0.1}}, **turns)).sync > timed(settings(**turns)).sync
    )


def test_what_is_advised_may_be_set() -> None:
    """Muon's state is not sharded as ZeRO 3 does it."""
    learner = {"optimizer": "muon", "ranks": 1, "zero_stage": 2, "gradient_checkpointing": False}
    config = settings(model={"path": "Qwen3-14B"}, learner=learner)
    plan = planned(config)
    assert any("learner rank needs" in line for line in plan.lacks)
    remedy = learner_remedy(config, plan.shape, H100, plan.placement, assumed_of(config))
    assert remedy
    RunConfig.model_validate(changed(config, remedy).model_dump())


@pytest.mark.parametrize("stage", [1, 3])
def test_the_step_of_adapters_in_the_hosts_memory_is_as_small_as_they_are(stage: int) -> None:
    learner = {"ranks": 4, "zero_stage": stage, "lora": {"rank": 16}}
    there, here = (
        timed(settings(learner=learner | {"optimizer_offload": offload})).learn
        for offload in (True, False)
    )
    assert there == pytest.approx(here, rel=0.05)


def test_a_fit_needs_a_placement() -> None:
    config = settings()
    nodes, assumed = [Node("node", 8)], assumed_of(config)
    shape = shape_of(config.model.path)
    found = fit(config, shape, H100, nodes, assumed)
    assert found is not None
    assert plan_of(found, shape, H100, nodes, assumed).lacks == ()
    assert fit(config, shape, H100, [Node("node", 1)], assumed) is None
    with pytest.raises(ClusterError, match="the run asks for"):
        plan_of(config, shape, H100, [Node("node", 1)], assumed)


def test_the_same_settings_make_the_same_plan() -> None:
    assert planned(settings()) == planned(settings())
