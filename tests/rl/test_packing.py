"""Without flash-attn, packed samples do not see each other: all is as it is with padding."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rl.config import LearnerConfig, ModelConfig
from rl.learn.loading import load_actor
from rl.learn.padding import MicroBatch
from rl.tiny import make_model, make_tokenizer, save
from rl.tokens import Segment, Span, Trajectory, pack

LENGTHS = [(3, 9), (5, 1, 4, 2), (1, 14), (2, 3, 1, 3)]
"""Of each row: tokens that are read and sampled, in turn."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packing") / "model"
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=3), tokenizer, folder)
    return folder


def forward(model: Path, attention: str, *, packing: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Logprobs and entropies of the response tokens, and a weight's gradient."""
    strategy = Namespace(stage=1, param_dtype="fp32")
    config = ModelConfig.model_validate({"path": str(model), "attention": attention})
    actor = load_actor(strategy, config, LearnerConfig(packing=packing), 0.7, {})
    draw = np.random.default_rng(4)
    rows = []
    for lengths in LENGTHS:
        segments = []
        for read, sampled in zip(lengths[::2], lengths[1::2], strict=True):
            segments.append(Segment(draw.integers(7, 90, read, np.int32)))
            logprobs = np.zeros(sampled, np.float32)
            ids = draw.integers(7, 90, sampled, np.int32)
            segments.append(Segment(ids, logprobs, (Span(sampled, 0),)))
        rows.append((0, 0.0, 1.0, Trajectory(tuple(segments))))
    micro = MicroBatch(pack(rows), range(len(rows)), torch.device("cpu"))
    mask = micro.mask
    with torch.compiler.set_stance("force_eager"):
        logprobs, output = actor(**micro.inputs, return_output=True, return_entropy=True)
    logprobs[mask].sum().backward()
    gradient = actor.model.model.layers[0].self_attn.k_proj.weight.grad
    return logprobs[mask].detach(), output.entropy[mask].detach(), gradient


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_samples_do_not_see_each_other(model: Path, attention: str) -> None:
    padded = forward(model, attention, packing=False)
    packed = forward(model, attention, packing=True)
    assert len(padded[0]) == sum(sum(row[1::2]) for row in LENGTHS)
    for one, other in zip(padded, packed, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
