"""What a config gives a verifier is checked before anything is graded."""

from pathlib import Path
from typing import Any

import pytest

from rewards import GradingPool, OptionsError, Rubric, Sample, Use, VerifierDefinitionError

CONFIGURED = Path(__file__).parent / "plugins" / "configured.py"


def use(function: str, **options: Any) -> Use:
    return Use(f"{CONFIGURED}:{function}", options)


def sample(response: str, **metadata: object) -> Sample:
    return Sample("s1", (), response, metadata=metadata)


def test_a_class_takes_its_fields() -> None:
    length = use("Length", max_words=2, worth=3).load()
    assert length.name == "length-of-test"
    assert length.judge(sample("one two")).reward == 3
    assert length.judge(sample("one", bonus=0.5)).reward == 3.5
    assert not length.judge(sample("one two three")).is_correct
    assert use("Length", max_words=3).load().judge(sample("one two three")).is_correct


def test_a_function_takes_its_keyword_arguments() -> None:
    assert use("ending").load().judge(sample("hey!")).is_correct
    twice = use("ending", end="?", times=2).load()
    assert twice.judge(sample("hey??")).is_correct
    assert not twice.judge(sample("hey?", times=1, end="y?")).is_correct  # no column replaces them


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("Length", {}, "'length-of-test': option max_words: Field required"),
        ("Length", {"max_words": 0}, "option max_words: Input should be greater than or equal to"),
        ("Length", {"max_word": 1}, "no option 'max_word'; did you mean 'max_words'?"),
        ("Length", {"max_words": "few", "worth": []}, r"max_words: .*; option worth: .*got \[\]"),
        ("ending", {"times": "x"}, "option times: Input should be a valid integer"),
        ("ending", {"size": 1}, "no option 'size'; it has: end, times, note"),
        ("ending", {"response": "x"}, "no option 'response'"),
        ("stamped", {"x": 1}, "it has: none"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(
    function: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionsError, match=message) as caught:
        GradingPool(Rubric(use(function, **options)))
    assert "\n" not in str(caught.value)


def test_options_that_cannot_travel_are_refused() -> None:
    with pytest.raises(OptionsError, match="plain values"):
        GradingPool(Rubric(use("ending", note=sample("x"))))


def test_a_class_must_be_a_model_and_callable(tmp_path: Path) -> None:
    with pytest.raises(VerifierDefinitionError, match=r"class NoModel\(pydantic.BaseModel\)"):
        use("NoModel").load()
    plugin = tmp_path / "mute.py"
    plugin.write_text("class Mute:\n    pass\n")
    with pytest.raises(VerifierDefinitionError, match="without __call__"):
        Use(f"{plugin}:Mute").load()


async def test_options_reach_worker_and_loop() -> None:
    for one in (use("Length", max_words=1), use("Echo", word="no"), use("ending", end="o")):
        async with GradingPool(Rubric(one), workers=1) as pool:
            verdicts = await pool.grade([sample("no"), sample("yes indeed")])
        assert [v.is_correct for v in verdicts] == [True, False], one
