"""The parts of OpenRLHF that Plumb builds on, importable with and without flash-attn."""

from rl.learn.flash_attn_fallback import install

install()

from openrlhf.models import Actor, PolicyLoss, aggregate_loss
from openrlhf.models.utils import compute_approx_kl
from openrlhf.utils.deepspeed import DeepspeedStrategy

__all__ = ["Actor", "DeepspeedStrategy", "PolicyLoss", "aggregate_loss", "compute_approx_kl"]
