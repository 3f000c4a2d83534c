"""Memory that is freed under tensors and taken again: their views, aliases and values."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rl.cpu_sleep import Asleep
from rl.learn.residence import Residence, tensors_of
from rl.storages import Away, Hosts, storages


@given(st.lists(st.integers(1, 50), min_size=1, max_size=5), st.booleans())
def test_views_and_aliases_are_whole_again(sizes: list[int], keep: bool) -> None:
    whole = torch.randn(sum(sizes))
    parts = list(whole.split(sizes))  # views, as those of a flat buffer
    before = [part.clone() for part in parts]
    found = storages([*parts, whole, whole.view(-1, 1)])
    assert len(found) == 1
    away = Away(found[0], keep=keep)
    assert found[0].nbytes() == 0
    away.come_back()
    assert found[0].nbytes() == away.nbytes == 4 * sum(sizes)
    if keep:
        assert all(torch.equal(one, other) for one, other in zip(parts, before, strict=True))
    parts[0].fill_(7.0)
    assert (whole[: sizes[0]] == 7.0).all()


def test_what_cannot_be_freed_stays() -> None:
    import numpy as np

    borrowed = torch.from_numpy(np.ones(3))
    meta = torch.empty(3, device="meta")
    assert storages([borrowed, meta, torch.empty(0)]) == []


@pytest.mark.parametrize(("keep", "comes_back"), [(True, True), (False, False)])
def test_an_engine_wakes_with_its_weights_or_with_none(keep: bool, comes_back: bool) -> None:
    model = torch.nn.Linear(4, 4)
    before = model.weight.detach().clone()
    cache = [torch.zeros(2, 8)]
    asleep = Asleep(model.parameters(), cache, keep=keep)
    assert model.weight.untyped_storage().nbytes() == cache[0].untyped_storage().nbytes() == 0
    asleep.wake("weights")
    assert cache[0].untyped_storage().nbytes() == 0
    assert torch.equal(model.weight, before) == comes_back
    assert comes_back or model.weight.isnan().all()
    model.weight.data.fill_(1.0)
    asleep.wake("weights")  # a second time, nothing is done
    asleep.wake("kv_cache")
    assert (model.weight == 1.0).all()
    assert cache[0].untyped_storage().nbytes() == 64


def test_a_learner_leaves_part_by_part_and_learns_on_as_before() -> None:
    def trained(*, moves: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 2))
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        reference = torch.nn.Linear(8, 8)
        residence = Residence(torch.device("cpu"), model, [optimizer, reference])
        for _ in range(3):
            model(torch.ones(4, 8)).sum().backward()
            optimizer.step()
            if moves:
                weights = sum(one.nbytes for one in model.parameters())
                # Gradients, two moments, and the counters of four parameters.
                optimizer_bytes = 3 * weights + 4 * 4 + (8 * 8 + 8) * 4
                assert residence.leave("optimizer") == optimizer_bytes
                assert model(torch.ones(4, 8)).isfinite().all()
                assert residence.leave("weights") == weights
                assert residence.leave("weights") == 0
                assert all(one.untyped_storage().nbytes() == 0 for one in model.parameters())
                assert residence.come_back() == optimizer_bytes + weights
            optimizer.zero_grad()
        return [one.detach().clone() for one in model.parameters()]

    for one, other in zip(trained(moves=True), trained(moves=False), strict=True):
        assert torch.equal(one, other)


def test_what_is_empty_between_steps_is_not_copied() -> None:
    """DeepSpeed's buckets of gradients: 2 GB each, of which a small model fills a corner."""
    copied: list[int] = []

    class Counting(Hosts):
        def take(self, nbytes: int, device: torch.device) -> torch.Tensor:
            copied.append(nbytes)
            return super().take(nbytes, device)

    buffer, moment = torch.ones(1000), torch.ones(10)
    bucket = SimpleNamespace(buffer=buffer)
    optimizer = SimpleNamespace(ipg_buckets={torch.float32: bucket}, state={"moment": moment})
    residence = Residence(torch.device("cpu"), torch.nn.Linear(2, 2), [optimizer, buffer, moment])
    residence._hosts = Counting()
    assert residence.leave("optimizer") == 4 * (1000 + 10)
    assert buffer.untyped_storage().nbytes() == 0
    assert copied == [moment.nbytes]
    residence.come_back()
    assert buffer.untyped_storage().nbytes() == buffer.nbytes
    assert torch.equal(moment, torch.ones(10))


def test_every_tensor_of_an_optimizer_is_found_once_round_circles() -> None:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    held: dict[str, object] = {"inner": [optimizer, {"flat": (torch.ones(3),)}]}
    held["itself"] = held
    found = [tuple(tensor.shape) for tensor in tensors_of(held)]
    assert sorted(found) == [(2,), (2, 2), (3,)]
