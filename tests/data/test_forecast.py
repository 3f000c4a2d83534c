"""The forecast: against populations whose pass rates are known, and the pacing that it follows."""

from itertools import pairwise

import numpy as np
import pytest

from data.errors import ForecastError
from data.forecast import Evidence, Path, Population, population
from data.forecast_cost import Cluster
from data.forecast_pacing import Pacing
from data.forecast_run import Plan, best_group_size, forecast, group_sizes
from rl.dispatch.ledger import Ledger
from rl.dispatch.waves import Waves

RATES = {
    "even": lambda draw, n: draw.random(n),
    "one rate": lambda draw, n: np.full(n, 0.3),
    "impossible or fair": lambda draw, n: np.where(draw.random(n) < 0.5, 0.0, draw.beta(6, 4, n)),
    "three kinds": lambda draw, n: draw.choice([0.02, 0.5, 0.97], n),
    "mostly at the ends": lambda draw, n: draw.beta(0.2, 0.4, n),
}


def asked(rates: np.ndarray, k: int, draw: np.random.Generator) -> Evidence:
    return Evidence.of_counts((k, int(c)) for c in draw.binomial(k, rates))


def truly_mixed(rates: np.ndarray, group: int) -> float:
    return float(np.mean(1 - rates**group - (1 - rates) ** group))


@pytest.mark.parametrize("kind", RATES)
@pytest.mark.parametrize("group", [4, 8, 16])
def test_acceptance_is_foretold_from_a_few_answers(kind: str, group: int) -> None:
    """Whatever the shape of the data; 5 answers say less of groups of 16."""
    draw = np.random.default_rng(1)
    rates = RATES[kind](draw, 4000)
    for k, within in ((5, 0.1 if group == 16 else 0.06), (16, 0.04)):
        found = population(asked(rates, k, draw))
        assert found.acceptance(group) == pytest.approx(truly_mixed(rates, group), rel=within)
        assert found.pass_rate == pytest.approx(rates.mean(), abs=0.02)


def test_a_prompt_that_was_asked_until_it_was_clear_counts_as_it_should() -> None:
    draw = np.random.default_rng(2)
    rates = draw.beta(0.5, 0.8, 6000)
    counts = []
    for rate in rates:
        right = wrong = 0
        while right + wrong < 5 and not (right and wrong):
            is_right = draw.random() < rate
            right, wrong = right + is_right, wrong + (not is_right)
        counts.append((right + wrong, right))
    found = population(Evidence.of_counts(counts))
    assert found.pass_rate == pytest.approx(rates.mean(), abs=0.02)
    assert found.acceptance(8) == pytest.approx(truly_mixed(rates, 8), rel=0.06)


def test_a_set_chosen_by_pass_rates_takes_its_prior_from_what_it_was_chosen_from() -> None:
    draw = np.random.default_rng(3)
    rates = draw.beta(0.4, 0.3, 8000)
    correct = draw.binomial(5, rates)
    medium = (correct > 0) & (correct < 5)
    every = Evidence.of_counts((5, int(c)) for c in correct)
    chosen = Evidence.of_counts((5, int(c)) for c in correct[medium])
    true = truly_mixed(rates[medium], 8)
    informed = population(chosen, every).acceptance(8)
    assert informed == pytest.approx(true, rel=0.03)
    assert abs(population(chosen).acceptance(8) - true) > abs(informed - true)


def test_posteriors_are_ordered_and_more_answers_make_them_surer() -> None:
    evidence = Evidence.of_counts([(5, c) for c in range(6)] * 30 + [(50, 25)] * 30)
    found = population(evidence)
    rates, _ = found.density()
    means = found.posteriors @ rates
    assert (np.diff(means[:6]) > 0).all()
    spread = found.posteriors @ rates**2 - means**2
    assert spread[6] < spread[2]
    few = population(Evidence.of_counts([(5, 2)] * 10 + [(5, 0)] * 10)).acceptance_error(8)
    many = population(Evidence.of_counts([(5, 2)] * 1000 + [(5, 0)] * 1000)).acceptance_error(8)
    assert many == pytest.approx(few / 10, rel=0.01)


def test_a_model_that_improves_moves_every_prompt() -> None:
    draw = np.random.default_rng(4)
    rates = draw.beta(1, 2, 4000)
    found = population(asked(rates, 16, draw))
    odds = np.log(rates / (1 - rates)) + 1.5
    later = 1 / (1 + np.exp(-odds))
    moved = found.moved(float(later.mean()), "odds")
    assert moved.pass_rate == pytest.approx(later.mean(), abs=1e-6)
    assert moved.acceptance(8) == pytest.approx(truly_mixed(later, 8), rel=0.03)
    easy, hard = moved.rejected(8)
    assert easy + hard + moved.acceptance(8) == pytest.approx(1)
    assert easy > found.rejected(8)[0]


def test_failures_may_go_alike_and_what_counts_is_halfway() -> None:
    draw = np.random.default_rng(6)
    rates = draw.beta(1, 2, 4000)
    found = population(asked(rates, 16, draw))
    later = 1 - (1 - rates) * 0.2
    mean = float(later.mean())
    failures = found.moved(mean, "failures")
    assert failures.pass_rate == pytest.approx(mean, abs=1e-6)
    assert failures.acceptance(8) == pytest.approx(truly_mixed(later, 8), rel=0.03)
    odds, both = found.moved(mean, "odds").acceptance(8), found.moved(mean)
    assert both.pass_rate == pytest.approx(mean, abs=1e-6)
    assert both.acceptance(8) == pytest.approx((odds + failures.acceptance(8)) / 2)
    assert both.acceptance_error(8) > found.acceptance_error(8) / 10
    fallen = found.moved(0.1, "failures")
    assert fallen.pass_rate == pytest.approx(0.1, abs=1e-6)
    same = found.moved(found.pass_rate)
    assert same.acceptance(8) == pytest.approx(found.acceptance(8), abs=1e-6)


class Filled:
    """The loop's own ledger and pacing, fed one group after the other."""

    def __init__(self, batch: int, oversampling: float) -> None:
        self._ledger: Ledger[int] = Ledger(batch, 0)
        self._waves = Waves(self._ledger, oversampling=oversampling, limit=10**9)
        self._next = 0
        self._again: list[int] = []

    def step(self, version: int, draw: np.random.Generator, acceptance: float) -> int:
        sampled = 0
        while True:
            flying: list[tuple[int, int, bool]] = []
            while self._waves.room(version, 0):
                is_known = bool(self._again)
                index = self._again.pop(0) if is_known else self._next
                self._next += not is_known
                flying.append((index, self._waves.dispatched(), is_known))
                self._ledger.dispatch(index, version)
            sampled += len(flying)
            for index, place, is_known in flying:
                accepted = is_known or bool(draw.random() < acceptance)
                self._ledger.settle(index, index if accepted else None)
                self._waves.note(place, accepted)
            if self._ledger.known and not self._waves.room(version, 0):
                break
        self._ledger.take()
        self._waves.taken()
        self._again = [item.number for item in self._ledger.expire()]
        return sampled


@pytest.mark.parametrize("acceptance", [0.15, 0.5, 0.9])
def test_pacing_asks_as_many_as_the_loop_does(acceptance: float) -> None:
    mine, draw = Pacing(32, 0), np.random.default_rng(5)
    loop = Filled(32, 4.0)
    theirs = [loop.step(version, draw, acceptance) for version in range(300)]
    ours = [mine.step(acceptance) for _ in range(300)]
    assert np.mean([one.sampled for one in ours]) == pytest.approx(np.mean(theirs), rel=0.03)
    assert np.mean([one.new for one in ours]) == pytest.approx(32 / acceptance, rel=0.05)
    if acceptance == 0.9:
        assert np.mean(theirs) > 1.03 * 32 / acceptance  # so that the waste is foretold too
    assert Pacing(32, 2).step(acceptance).sampled == pytest.approx(32 / acceptance)


def known(rate: float, answers: int = 2000) -> Population:
    return population(Evidence.of_counts([(answers, round(rate * answers))] * 50))


def test_a_run_is_foretold_step_by_step() -> None:
    cluster = Cluster(gpus=8, engines=4, engine_speed=1000, learner_speed=4000, fixed=5)
    plan = Plan(prompts=600, batch=16, group=8, max_lag=1, steps=20, response_tokens=100)
    found = forecast(known(0.5), plan, None, cluster)
    assert len(found.steps) == 20
    one = found.steps[0]
    assert one.acceptance == pytest.approx(1 - 2 / 2**8, rel=0.01)
    assert one.tokens == pytest.approx(one.sampled * 800)
    assert one.seconds == pytest.approx(max(one.tokens / 4000, 16 * 800 / 4000) + 5)
    assert found.gpu_hours == pytest.approx(8 * 20 * one.seconds / 3600)
    later = forecast(known(0.5), plan, Path.parse("0:0.5,20:0.98"), cluster)
    assert later.steps[-1].new > 2 * later.steps[0].new
    assert later.prompts > found.prompts
    assert found.first_pass is None
    assert forecast(known(0.5), Plan(100, 16, 8, 1, steps=20)).first_pass == 7


def test_it_says_why_a_run_would_end_early() -> None:
    short = forecast(known(0.5), Plan(prompts=100, batch=16, group=8, steps=20, epochs=1))
    assert short.ends == f"the data lasts {len(short.steps)} steps"
    assert 4 <= len(short.steps) <= 6
    hopeless = forecast(known(0.001), Plan(prompts=100, batch=16, group=8))
    assert "given up" in hopeless.ends
    assert not hopeless.steps


def test_rare_successes_want_larger_groups() -> None:
    plan = Plan(prompts=10_000, batch=32, group=8, steps=100)
    fair, rare = (group_sizes(known(rate), plan) for rate in (0.5, 0.02))
    assert best_group_size(fair, 100, None).group < best_group_size(rare, 100, None).group
    for sizes in (fair, rare):
        assert [one.group for one in sizes] == sorted(one.group for one in sizes)
        assert all(a.signal < b.signal for a, b in pairwise(sizes))
        assert all(a.steps < b.steps for a, b in pairwise(sizes))
    few = group_sizes(known(0.5), Plan(prompts=1000, batch=32, group=8, steps=100))
    assert best_group_size(few, 100, 1).group > best_group_size(few, 100, None).group


@pytest.mark.parametrize("text", ["", "0.5", "0:1.5", "0:0", "5:0.2,1:0.3", "0:a", "0:0.3,0:0.4"])
def test_a_path_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ForecastError, match=r"write STEP:PASS_RATE"):
        Path.parse(text)


def test_nothing_measured_is_said() -> None:
    with pytest.raises(ForecastError, match="plumb data difficulty"):
        Evidence.of_counts([])
