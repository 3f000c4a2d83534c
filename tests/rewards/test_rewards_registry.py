"""Registering verifiers and finding them."""

import math
from pathlib import Path

import pytest

from rewards import (
    MissingColumnError,
    PluginError,
    Sample,
    UnknownVerifierError,
    Verdict,
    VerifierDefinitionError,
    load_verifier,
    verifier,
)

PLUGINS = Path(__file__).parent / "plugins"


def sample(response: str, **metadata: object) -> Sample:
    return Sample("s1", (), response, "yes", metadata=metadata)


def test_a_decorated_function_can_still_be_called() -> None:
    @verifier("callable-of-test")
    def shout(sample: Sample, *, end: str = "!") -> Verdict:
        return Verdict.correct(reason=sample.response + end)

    assert shout(sample("hey"), end="?").reason == "hey?"
    assert load_verifier("callable-of-test") is shout


def test_a_taken_name_is_refused_with_both_places() -> None:
    @verifier("taken-of-test")
    def first(sample: Sample) -> bool:
        return True

    with pytest.raises(VerifierDefinitionError) as caught:

        @verifier("taken-of-test")
        def second(sample: Sample) -> bool:
            return True

    assert str(caught.value).count("test_rewards_registry.py:") == 2


def test_a_built_in_name_is_refused() -> None:
    with pytest.raises(VerifierDefinitionError, match="built-in"):

        @verifier("math")
        def mine(sample: Sample) -> bool:
            return True


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(UnknownVerifierError, match="did you mean 'math'") as caught:
        load_verifier("maths")
    assert "math-bare" in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere.py:grade", "no verifier file"),
        (f"{PLUGINS}/hostile.py:friendly", "no function 'friendly'"),
        (f"{PLUGINS}/hostile.py", "names no function"),
        (f"{PLUGINS}/broken.py:grade", "broken.py, line 3, failed to import: ZeroDivisionError"),
        (f"{PLUGINS}/hostile.py:__doc__", "not a verifier function"),
    ],
)
def test_a_plugin_that_does_not_load_is_one_clear_line(spec: str, message: str) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        load_verifier(spec)
    assert "\n" not in str(caught.value)


def test_a_relative_path_starts_at_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("def grade(sample):\n    return sample.response == 'a'\n")
    monkeypatch.chdir(tmp_path)
    assert load_verifier("mine.py:grade").judge(sample("a")).is_correct
    assert not load_verifier("mine.py:grade").judge(sample("b")).is_correct


def test_a_changed_plugin_file_is_read_again(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    text = "from rewards import verifier\n@verifier('changing')\ndef f(sample): return {}\n"
    plugin.write_text(text.format("True"))
    assert load_verifier(f"{plugin}:f").judge(sample("")).is_correct
    plugin.write_text(text.format("False"))
    assert not load_verifier(f"{plugin}:f").judge(sample("")).is_correct


def test_columns_are_filled_by_name() -> None:
    columns = load_verifier(f"{PLUGINS}/columns.py:columns")
    assert columns.judge(sample("yes", difficulty=0.5)).reward == 0.5
    assert columns.judge(sample("yes", difficulty=0.5, bonus=1)).reward == 1.5


def test_a_missing_column_is_an_error_that_names_it() -> None:
    columns = load_verifier(f"{PLUGINS}/columns.py:columns")
    with pytest.raises(MissingColumnError, match=r"'difficulty'.*'s1' lacks.*level, source"):
        columns.judge(sample("yes", source="x", level=1))


@pytest.mark.parametrize("signature", ["", "*samples", "sample, **columns", "*, sample"])
def test_a_signature_that_cannot_be_filled_is_refused(signature: str, tmp_path: Path) -> None:
    plugin = tmp_path / "odd.py"
    plugin.write_text(f"def grade({signature}):\n    return True\n")
    with pytest.raises(VerifierDefinitionError):
        load_verifier(f"{plugin}:grade")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("raise", "KeyError: 'a column'"),
        ("leave", "SystemExit: 3"),
        ("none", "returned NoneType"),
        ("number", "returned int"),
        ("nan", "InvalidVerdictError"),
    ],
)
def test_a_fault_of_the_verifier_is_ungradable_and_never_zero(response: str, reason: str) -> None:
    verdict = load_verifier(f"{PLUGINS}/hostile.py:hostile").judge(sample(response))
    assert not verdict.is_gradable
    assert math.isnan(verdict.reward)
    assert verdict.reason.startswith(reason)


def test_a_bool_is_a_verdict() -> None:
    hostile = load_verifier(f"{PLUGINS}/hostile.py:hostile")
    assert hostile.judge(sample("right")) == Verdict.correct(1.0)
    assert hostile.judge(sample("wrong")) == Verdict.incorrect(0.0)
