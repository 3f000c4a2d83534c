"""vLLM's sleep mode on a CPU host: memory that is given up while another process has it.

As on GPUs: what is asleep cannot be read, and of weights that were not kept nothing is left. They
come back as numbers that are none, so that what is not sent again is seen by the canary.
"""

from collections.abc import Iterable

from torch import Tensor

from rl.storages import Away, storages


class Asleep:
    """The memory of one worker while it sleeps.

    Args:
        weights: its parameters.
        caches: its KV caches.
        keep: whether the weights come back as they are.
    """

    def __init__(self, weights: Iterable[Tensor], caches: Iterable[Tensor], *, keep: bool) -> None:
        parameters = list(weights)
        self._weights = [] if keep else [one for one in parameters if one.is_floating_point()]
        self._away = {
            "weights": [Away(storage, keep=keep) for storage in storages(parameters)],
            "kv_cache": [Away(storage, keep=False) for storage in storages(caches)],
        }

    def wake(self, tag: str) -> None:
        """Take the memory of one tag again; a second time nothing is done."""
        for away in self._away.pop(tag, []):
            away.come_back()
        if tag == "weights":
            for parameter in self._weights:
                parameter.data.fill_(float("nan"))
            self._weights = []
