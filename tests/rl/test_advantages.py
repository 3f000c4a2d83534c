"""Advantages agree with OpenRLHF's own numbers, and with hand calculation where it has none."""

from argparse import Namespace
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rl.learn.advantages import shape_rewards, shape_turn_rewards, token_advantages
from rl.learn.openrlhf_parts import compute_approx_kl

from openrlhf.trainer.ppo_utils.experience import Experience  # isort: skip
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker  # isort: skip
from openrlhf.trainer.ppo_utils.kl_controller import FixedKLController  # isort: skip

NAMES = {
    "reinforce++": "reinforce",
    "reinforce++-baseline": "reinforce_baseline",
    "rloo": "rloo",
    "grpo": "group_norm",
    "dr_grpo": "dr_grpo",
}
WITH_BASELINE = [name for name in NAMES if name != "reinforce++"]


def openrlhf_advantages(
    rewards: Tensor,
    lengths: Sequence[int],
    estimator: str,
    *,
    group_size: int,
    token_kl: Sequence[Tensor],
    kl_coef: float,
) -> list[Tensor]:
    """OpenRLHF's numbers, for experiences cut unevenly and out of order."""
    advantage = Namespace(estimator=NAMES[estimator], gamma=1.0, lambd=1.0, no_std_norm=False)
    args = Namespace(
        algo=Namespace(advantage=advantage),
        reward=Namespace(clip_range=None),
        rollout=Namespace(n_samples_per_prompt=group_size),
    )
    order = torch.randperm(len(lengths)).tolist()
    cuts = [order[: len(order) // 3], order[len(order) // 3 :]]
    experiences = []
    for part in cuts:
        width = 3 + max(lengths[i] for i in part)
        mask, kl = torch.zeros(len(part), width, dtype=torch.bool), torch.zeros(len(part), width)
        for row, i in enumerate(part):
            # The prompt's positions come first; what follows the response is padding.
            mask[row, 2 : 2 + lengths[i]] = True
            kl[row, 2 : 2 + lengths[i]] = token_kl[i]
        experiences.append(Experience(index=part, rewards=rewards[part], action_mask=mask, kl=kl))
    maker = RemoteExperienceMaker(
        None, None, None, None, FixedKLController(kl_coef), Namespace(args=args), None
    )
    found: dict[int, Tensor] = {}
    for part, done in zip(cuts, maker.compute_advantages_and_returns(experiences), strict=True):
        for row, i in enumerate(part):
            found[i] = done.advantages[row][done.action_mask[row]]
    return [found[i] for i in range(len(lengths))]


def alone(values: Tensor) -> Tensor:
    """The sum over a single rank."""
    return values


@pytest.mark.parametrize("estimator", NAMES)
@pytest.mark.parametrize("kl", [None, "k1", "k2", "k3"])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_openrlhf(estimator: str, kl: str | None, seed: int) -> None:
    torch.manual_seed(seed)
    prompts, group_size = 7, 4
    count = prompts * group_size
    rewards = torch.randint(0, 2, (count,)).float() + (torch.randn(count) if seed else 0.0)
    lengths = torch.randint(1, 12, (count,)).tolist()
    token_kl = [torch.zeros(length) for length in lengths]
    if kl is not None:
        token_kl = [
            compute_approx_kl(-torch.rand(length) * 3, -torch.rand(length) * 3, kl_estimator=kl)
            for length in lengths
        ]
    coef = 0.07 if kl is not None else 0.0
    expected = openrlhf_advantages(
        rewards, lengths, estimator, group_size=group_size, token_kl=token_kl, kl_coef=coef
    )
    groups = torch.arange(count) // group_size * 13
    shaped = shape_rewards(rewards, groups, estimator)
    actual = token_advantages(
        shaped,
        lengths,
        estimator,
        reduce=alone,
        token_kl=token_kl if kl is not None else None,
        kl_coef=coef,
    )
    for mine, theirs in zip(actual, expected, strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


# Groups 5, 2 and 9 have three, two and one sample; the samples of a group need not be neighbours.
UNEVEN_REWARDS = [1.0, 4.0, 0.0, 2.0, 7.0, 8.0]
UNEVEN_GROUPS = [5, 2, 5, 5, 9, 2]


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        ("reinforce++", UNEVEN_REWARDS),
        ("reinforce++-baseline", [0, -2, -1, 1, 0, 2]),
        ("dr_grpo", [0, -2, -1, 1, 0, 2]),
        ("rloo", [1 - 2 / 2, 4 - 8, 0 - 3 / 2, 2 - 1 / 2, 0, 8 - 4]),
        ("grpo", [0, -2 / 8**0.5, -1, 1, 0, 2 / 8**0.5]),
    ],
)
def test_groups_may_differ_in_size(estimator: str, expected: list[float]) -> None:
    shaped = shape_rewards(torch.tensor(UNEVEN_REWARDS), torch.tensor(UNEVEN_GROUPS), estimator)
    torch.testing.assert_close(shaped, torch.tensor(expected, dtype=torch.float32))


@given(st.floats(-1e3, 1e3, width=32), st.integers(1, 40), st.sampled_from(WITH_BASELINE))
def test_equal_rewards_teach_nothing(reward: float, size: int, estimator: str) -> None:
    """Rounding is not a difference; divided by its own tiny deviation it would become one."""
    rewards = torch.full((size,), reward)
    shaped = shape_rewards(rewards, torch.zeros(size, dtype=torch.long), estimator)
    assert float(shaped.abs().max()) < 1e-3
    for values in token_advantages(shaped, [3] * size, estimator, reduce=alone):
        assert float(values.abs().max()) < 1e-3


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-10, 10, width=32)), min_size=1, max_size=30),
    st.sampled_from(WITH_BASELINE),
)
def test_a_group_of_any_size_is_centred(pairs: list[tuple[int, float]], estimator: str) -> None:
    groups = torch.tensor([group for group, _ in pairs])
    shaped = shape_rewards(torch.tensor([reward for _, reward in pairs]), groups, estimator)
    for group in groups.unique():
        assert float(shaped[groups == group].sum()) == pytest.approx(0, abs=1e-3)


def test_a_shift_of_all_rewards_changes_no_advantage_with_a_baseline() -> None:
    rewards, groups = torch.tensor(UNEVEN_REWARDS), torch.tensor(UNEVEN_GROUPS)
    for estimator in WITH_BASELINE:
        torch.testing.assert_close(
            shape_rewards(rewards + 100, groups, estimator),
            shape_rewards(rewards, groups, estimator),
            atol=1e-4,
            rtol=0,
        )


def test_the_kl_penalty_enters_before_the_return_is_summed() -> None:
    (values,) = token_advantages(
        torch.tensor([1.0]),
        [3],
        "dr_grpo",
        reduce=alone,
        token_kl=[torch.tensor([0.1, 0.2, 0.4])],
        kl_coef=0.5,
    )
    torch.testing.assert_close(values, torch.tensor([0.65, 0.7, 0.8]))


NONE = float("nan")
TURNS = [
    [0.5, -0.25, 1.0], [0.0, 0.75, NONE], [1.0, NONE, NONE], [0.5, 0.5, -0.5],
    [0.25, NONE, NONE], [0.25, 0.5, NONE], [NONE, NONE, NONE]
]  # fmt: skip
TURN_GROUPS = [7, 7, 7, 7, 2, 2, 2]


@pytest.mark.parametrize("estimator", ["reinforce++", *WITH_BASELINE])
def test_a_turn_is_compared_with_the_same_turn_of_its_group(estimator: str) -> None:
    """Written out, turn by turn, by the definition of the estimator's baseline."""
    earned, groups = torch.tensor(TURNS), torch.tensor(TURN_GROUPS)
    shaped = shape_turn_rewards(earned, groups, estimator)
    found = shaped.flip(1).cumsum(1).flip(1)
    for turn in range(earned.shape[1]):
        had = ~earned[:, turn].isnan()
        returns = earned[had, turn:].nan_to_num().sum(1)
        torch.testing.assert_close(
            found[had, turn], shape_rewards(returns, groups[had], estimator), atol=1e-6, rtol=0
        )
    assert not shaped[earned.isnan()].any()


@pytest.mark.parametrize("estimator", WITH_BASELINE)
def test_what_the_turns_of_all_of_a_group_earn_alike_teaches_nothing(estimator: str) -> None:
    earned = torch.tensor([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]]).double().repeat(4, 1)
    groups = torch.tensor([0, 1] * 4)
    assert shape_turn_rewards(earned, groups, estimator).abs().max() < 1e-6
    # And where they differ, what they earn alike beside it changes nothing.
    torch.manual_seed(0)
    more = torch.randn(8, 3).double()
    torch.testing.assert_close(
        shape_turn_rewards(earned + more, groups, estimator),
        shape_turn_rewards(more, groups, estimator),
        atol=1e-5,
        rtol=0,
    )


def test_a_turn_s_reward_is_earned_up_to_its_token() -> None:
    (values,) = token_advantages(
        torch.tensor([1.0]),
        [4],
        "dr_grpo",
        reduce=alone,
        turn_rewards=[torch.tensor([0.0, 0.5, 0.0, 0.0])],
    )
    torch.testing.assert_close(values, torch.tensor([1.5, 1.5, 1.0, 1.0]))


def two_passes(
    totals: Sequence[Tensor],
) -> tuple[Callable[[Tensor], Tensor], list[Tensor]]:
    """A reduction that answers with `totals` in turn, and notes what this rank put in."""
    given_in: list[Tensor] = []

    def reduce(values: Tensor) -> Tensor:
        given_in.append(values)
        return totals[len(given_in) - 1] if len(given_in) <= len(totals) else values

    return reduce, given_in


@pytest.mark.parametrize("estimator", ["reinforce++", "reinforce++-baseline"])
@pytest.mark.parametrize("cut", [0, 1, 5, 11])
def test_two_ranks_find_what_one_finds(estimator: str, cut: int) -> None:
    torch.manual_seed(cut)
    shaped, lengths = torch.randn(12) * 3 + 1, torch.randint(1, 9, (12,)).tolist()
    expected = token_advantages(shaped, lengths, estimator, reduce=alone)
    shards = [(shaped[:cut], lengths[:cut]), (shaped[cut:], lengths[cut:])]
    totals: list[Tensor] = []
    # A sum over ranks needs every rank's part, and the second sum needs the first's answer.
    for call in range(2):
        parts = []
        for values, sizes in shards:
            reduce, given_in = two_passes(totals)
            token_advantages(values, sizes, estimator, reduce=reduce)
            parts.append(given_in[call])
        totals.append(parts[0] + parts[1])
    actual = [
        advantage
        for values, sizes in shards
        for advantage in token_advantages(values, sizes, estimator, reduce=two_passes(totals)[0])
    ]
    for mine, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-6)


def test_normalised_advantages_have_mean_zero_and_deviation_one_over_tokens() -> None:
    torch.manual_seed(0)
    lengths = torch.randint(1, 50, (64,)).tolist()
    flat = torch.cat(
        token_advantages(torch.randint(0, 2, (64,)).float(), lengths, "reinforce++", reduce=alone)
    )
    assert float(flat.mean()) == pytest.approx(0, abs=1e-6)
    assert float(flat.std(correction=0)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("estimator", NAMES)
def test_a_single_sample_has_a_finite_advantage(estimator: str) -> None:
    shaped = shape_rewards(torch.tensor([1.0]), torch.tensor([3]), estimator)
    (values,) = token_advantages(shaped, [4], estimator, reduce=alone)
    torch.testing.assert_close(values, torch.zeros(4))
