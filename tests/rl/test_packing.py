"""Without flash-attn, packed samples do not see each other: all is as it is with padding."""

from argparse import Namespace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rl.config import LearnerConfig, ModelConfig
from rl.learn.batching import TrainBatch
from rl.learn.padding import pad
from rl.learn.policy import _load_actor
from rl.tiny import make_model, make_tokenizer, save

LENGTHS = [(3, 9), (5, 1), (1, 14), (2, 6)]


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
    actor = _load_actor(strategy, config, LearnerConfig(packing=packing), 0.7, {})
    torch.manual_seed(4)
    prompts = [torch.randint(7, 90, (prompt,)).tolist() for prompt, _ in LENGTHS]
    answers = [torch.randint(7, 90, (answer,)).tolist() for _, answer in LENGTHS]
    count = len(LENGTHS)
    batch = TrainBatch(prompts, answers, [], [0.0] * count, list(range(count)), [True] * count)
    inputs = pad(batch, range(count), torch.device("cpu"))
    mask = inputs["action_mask"]
    with torch.compiler.set_stance("force_eager"):
        logprobs, output = actor(**inputs, return_output=True, return_entropy=True)
    logprobs[mask].sum().backward()
    gradient = actor.model.model.layers[0].self_attn.k_proj.weight.grad
    return logprobs[mask].detach(), output.entropy[mask].detach(), gradient


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_samples_do_not_see_each_other(model: Path, attention: str) -> None:
    padded = forward(model, attention, packing=False)
    packed = forward(model, attention, packing=True)
    assert len(padded[0]) == sum(answer for _, answer in LENGTHS)
    for one, other in zip(padded, packed, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
