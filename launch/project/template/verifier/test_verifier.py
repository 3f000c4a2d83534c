"""A verifier is the definition of the task: test it on what a policy might try."""

import pytest
from verifier import in_order

from rewards import Sample


@pytest.mark.parametrize(
    ("response", "is_correct", "reward"),
    [
        ("fig lime pear", True, 1.0),
        ("In order they are:\nfig, lime, pear", True, 1.0),
        ("fig pear lime", False, 0.5 / 3),
        ("", False, 0.0),
        ("fig lime pear fig lime pear", False, 0.5),
    ],
)
def test_words_in_order(response: str, is_correct: bool, reward: float) -> None:
    sample = Sample(id="0", prompt=(), response=response, reference="fig lime pear")
    verdict = in_order(sample)
    assert verdict.is_correct == is_correct
    assert verdict.reward == pytest.approx(reward)
