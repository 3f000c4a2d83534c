"""The mean of weights, whole and in shards, and its files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rl.errors import CheckpointError
from rl.learn.ema import Ema
from rl.learn.ema_files import SavedMeans, file_name

SHAPES = {"a": (3, 5), "b": (7,)}


class Shard(nn.Parameter):
    """A parameter as ZeRO-3 keeps it: nothing of it but this rank's flat, padded part."""

    ds_tensor: Tensor
    ds_shape: torch.Size

    def partition(self) -> None:
        """There is nothing else to let go of."""


def whole_weights(seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {name: torch.randn(shape) for name, shape in SHAPES.items()}


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for name, shape in SHAPES.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))

    def put(self, seed: int) -> None:
        for name, weights in whole_weights(seed).items():
            getattr(self, name).data.copy_(weights)


class Sharded(nn.Module):
    def __init__(self, rank: int, ranks: int) -> None:
        super().__init__()
        self.rank, self.ranks = rank, ranks
        for name, shape in SHAPES.items():
            parameter = Shard(torch.zeros(0))
            parameter.ds_shape = torch.Size(shape)
            parameter.ds_tensor = torch.zeros(-(-torch.Size(shape).numel() // ranks))
            self.register_parameter(name, parameter)

    def put(self, seed: int) -> None:
        for name, weights in whole_weights(seed).items():
            shard = getattr(self, name).ds_tensor
            padded = torch.cat([weights.flatten(), torch.zeros(shard.numel() * self.ranks)])
            shard.copy_(padded[self.rank * shard.numel() :][: shard.numel()])


def means(ranks: int, decay: float = 0.75) -> Iterator[tuple[nn.Module, Ema]]:
    """Of every rank, after two versions."""
    for rank in range(ranks):
        module = Whole() if ranks == 1 else Sharded(rank, ranks)
        module.put(0)
        mean = Ema(module, decay, rank=rank, ranks=ranks)
        for seed in (1, 2):
            module.put(seed)
            mean.update()
        yield module, mean


def wanted() -> dict[str, Tensor]:
    zero, one, two = map(whole_weights, range(3))
    kept, new = 0.75, 0.25
    return {n: kept * (kept * zero[n] + new * one[n]) + new * two[n] for n in SHAPES}


def write(mean: Ema, folder: Path) -> None:
    """As a rank's saver does."""
    for name, state in mean.files().items():
        torch.save(state, folder / name)


def assert_is(saved: SavedMeans, values: dict[str, Tensor]) -> None:
    assert set(saved) == set(values)
    for name, value in values.items():
        torch.testing.assert_close(saved[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_files_hold_the_mean_of_all_versions(ranks: int, tmp_path: Path) -> None:
    for _, mean in means(ranks):
        write(mean, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [file_name(i) for i in range(ranks)]
    assert_is(SavedMeans(tmp_path), wanted())


@pytest.mark.parametrize("before", [1, 2, 3])
@pytest.mark.parametrize("after", [1, 2, 4])
def test_another_number_of_ranks_goes_on_from_it(before: int, after: int, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    for _, mean in means(before):
        write(mean, first)
    for rank in range(after):
        module = Whole() if after == 1 else Sharded(rank, after)
        mean = Ema(module, 0.5, rank=rank, ranks=after)
        mean.load(first)
        module.put(9)
        mean.update()
        write(mean, second)
    now = whole_weights(9)
    assert_is(
        SavedMeans(second), {name: (value + now[name]) / 2 for name, value in wanted().items()}
    )


@pytest.mark.parametrize("ranks", [1, 2])
def test_in_place_the_weights_are_the_mean_and_afterwards_themselves(ranks: int) -> None:
    for rank, (module, mean) in enumerate(means(ranks)):
        like = Whole() if ranks == 1 else Sharded(rank, ranks)
        like.put(2)
        with mean.in_place():
            state = mean.state_dict()
            for name in SHAPES:
                parameter = getattr(module, name)
                held = parameter.data if ranks == 1 else parameter.ds_tensor
                torch.testing.assert_close(held.flatten(), state["values"][name])
        for name in SHAPES:
            own, same = getattr(module, name), getattr(like, name)
            assert torch.equal(own.data, same.data)
            assert ranks == 1 or torch.equal(own.ds_tensor, same.ds_tensor)


def test_without_files_it_begins_with_the_weights(tmp_path: Path) -> None:
    module = Whole()
    mean = Ema(module, 0.5, rank=0, ranks=1)
    module.put(3)
    mean.load(tmp_path)
    write(mean, tmp_path)
    assert_is(SavedMeans(tmp_path), whole_weights(3))


def test_files_of_another_model_are_refused_and_other_ranks_of_whole_models_keep_nothing(
    tmp_path: Path,
) -> None:
    other = nn.Module()
    other.register_parameter("c", nn.Parameter(torch.zeros(2)))
    write(Ema(other, 0.5, rank=0, ranks=1), tmp_path)
    with pytest.raises(CheckpointError, match="none of a: it is of another model"):
        Ema(Whole(), 0.5, rank=0, ranks=1).load(tmp_path)
    (tmp_path / file_name(0)).unlink()
    second = Ema(Whole(), 0.5, rank=1, ranks=2)
    second.update()
    write(second, tmp_path)
    assert list(tmp_path.iterdir()) == []
