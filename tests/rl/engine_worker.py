"""What is mixed into a vLLM worker whose weights a test can change; only a worker imports it."""

from typing import Any

import torch

from rl.weights.receiver import WeightReceiver


class ScalableWeights(WeightReceiver):
    """Beside what engines have anyway."""

    model_runner: Any

    def plumb_test_scale(self, factor: float) -> int:
        """Scale every parameter; how many there are."""
        parameters = list(self.model_runner.model.parameters())
        with torch.no_grad():
            for parameter in parameters:
                parameter.mul_(factor)
        return len(parameters)
