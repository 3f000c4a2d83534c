"""The verifier "reasoning": form, length and language of thinking, and what hostile text costs."""

from typing import Any

import pytest
from pydantic import ValidationError

from rewards import Rubric, Sample, Term, Use, Verdict
from rewards.reasoning import Checks
from rewards.reasoning.prose import prose, strange
from rewards.thinking import Opened
from tests.processor_time import least_seconds

EN = (
    "To solve this problem we first add the two numbers, then we divide the sum by two and check "
    "that the result is right. The first number is twelve, so the second one has to be thirty. "
)
IT = (
    "Per risolvere questo problema dobbiamo prima sommare i due numeri, poi dividere la somma per "
    "due e verificare che il risultato sia giusto. Il primo numero vale dodici, dunque il secondo "
    "deve valere trenta. "
)
ZH = (
    "为了解决这个问题，我们首先计算两个数的和，"
    "然后除以二，最后检查结果是否正确。因此第一个数是十二。"
)
MATH = "$x^2 + y^2 = 25$, \\(a+b=c\\), \\frac{a}{b} = 3, a+b=7. `for i in range(9)` "
CODE = "\n```python\ndef solve(numbers):\n    return sorted(numbers)[len(numbers) // 2]\n```\n"


def judged(
    response: str,
    opened: Opened | None = None,
    mode: str = "",
    tokens: int | None = 9,
    **asked: Any,
) -> Verdict:
    columns = {"reasoning_mode": mode, "thinking_tokens": tokens}
    sample = Sample("s", (), response, thinking=opened, metadata=columns)
    return Use("reasoning", asked).load().judge(sample)


@pytest.mark.parametrize(
    ("response", "opened", "asked", "holds"),
    [
        ("<think>6*7=42</think>42", "none", "some", True),
        ("6*7=42</think>42", "open", "some", True),
        ("42", "none", "some", False),
        ("</think>42", "open", "some", False),
        ("<think>\n ... \n</think>42", "none", "some", False),
        ("<think>6*7=42, I think", "none", "some", False),
        ("6*7=42 and so on", "open", "some", False),
        ("42", "none", "none", True),
        ("<think>\n\n</think>\n\n42", "none", "none", True),
        ("<think>6*7=42</think>42", "none", "none", False),
        ("[THINK]6*7=42[/THINK]42", None, "none", False),
        ("6*7=42</think>42", None, "none", False),
        ('Strip "</think>" first.', None, "none", True),
        ("<think>6*7", "none", "any", True),
        ("Sure: <think>6*7=42</think>42", "none", "none", False),
        ("Sure: <think>6*7=42</think>42", None, "none", False),
        ("6*7=42</think>42", "none", "none", False),
        ("</think>6*7=42</think>42", "open", "none", False),
        ("So.\n<think>\n6*7=42, it is 42", "none", "none", False),
        ("<think></think>So <think></think>42", "none", "none", True),
        ("It writes `<think>a</think>`, and <think> alone.", "none", "none", True),
        ("```xml\n<think>\na\n</think>\n```\n42", "none", "none", True),
        ("6*7</think>So <think>is 42</think>42", "open", "some", False),
        ("6*7</think>\n</think>\n42", "open", "some", True),
        ("6*7</think>It writes '<think>' before </think>: 42", "open", "some", True),
    ],
)
def test_whether_there_is_thinking(
    response: str, opened: Opened | None, asked: str, holds: bool
) -> None:
    found = judged(response, opened, thinking=asked)
    assert (found.is_correct, found.reward) == (holds, float(holds))
    assert found.metrics.get("form") == (None if asked == "any" else float(holds))


@pytest.mark.parametrize(
    ("tokens", "holds"), [(0, False), (9, False), (10, True), (20, True), (21, False)]
)
def test_how_long_it_is(tokens: int, holds: bool) -> None:
    found = judged("<think>well</think>42", tokens=tokens, min_tokens=10, max_tokens=20)
    assert (found.is_correct, found.metrics["length"]) == (holds, float(holds))
    assert found.metrics["tokens"] == tokens


def test_a_length_that_nobody_counted_measures_nothing() -> None:
    assert judged("42", tokens=None, max_tokens=3).reason.startswith("reference: ")
    assert judged("42", tokens=None, thinking="none").is_correct


@pytest.mark.parametrize(
    ("thought", "language", "holds"),
    [
        (EN, "en", True),
        (EN, "it", False),
        (IT, "it", True),
        (IT, "en", False),
        (ZH, "zh", True),
        (ZH, "it", False),
        (ZH, "en", False),
        (IT, "zh", False),
        (IT * 3 + EN * 3, "it", False),
        (IT * 3 + EN * 3, "en", False),
        (IT * 30 + EN * 30 + IT * 30, "it", False),
        (IT * 3 + ZH * 3, "it", False),
        (IT * 9 + EN, "it", True),
        (IT + MATH * 9 + CODE * 9 + IT, "it", True),
        (EN + MATH * 3 + CODE * 3 + EN, "it", False),
        ("Ok. Va bene.", "en", None),
        (MATH * 30, "it", None),
        (CODE * 30, "it", None),
        ("x = 3; y = 4; " * 99, "it", None),
        ("", "it", None),
    ],
)
def test_in_which_language_it_is(thought: str, language: str, holds: bool | None) -> None:
    found = judged(f"<think>{thought}</think>{EN}", language=language)
    assert found.metrics.get("language") == (None if holds is None else float(holds))
    assert found.is_correct is (holds is not False), found.reason


COMMENTED = """
```python
# First we compute the sum of all the numbers
total = sum(numbers)
# Then we divide it by how many there are
mean = total / len(numbers)
result = [number for number in numbers if number > mean and number % divisor == 0]
```
"""


@pytest.mark.parametrize("thought", [IT, ZH, ZH * 3])
@pytest.mark.parametrize(
    "hidden",
    ["${}$", "\\[{}\\]", "\\({}\\)", "`{}`", "```\n{}\n```", "~~~text\n{}", "$x={}$ so $x=5$ "],
)
def test_words_are_no_formula_and_no_code_for_being_written_as_one(
    thought: str, hidden: str
) -> None:
    said = " ".join(thought.split()).replace(".", ";")
    found = judged(f"<think>{hidden.format(said)}</think>5", language="en")
    assert found.metrics["language"] == 0.0, found.reason
    beside = judged(f"<think>{IT} {hidden.format(said)}</think>5", language="it")
    assert beside.is_correct is (thought == IT)


SQL = """
```sql
SELECT name, total FROM orders WHERE total > 5 AND city IS NOT NULL ORDER BY total DESC LIMIT 5
```
"""


@pytest.mark.parametrize("apart", [COMMENTED * 3, SQL * 9, MATH * 30, CODE * 30])
def test_code_with_comments_is_code(apart: str) -> None:
    assert "language" not in judged(f"<think>{apart}</think>5", language="it").metrics
    assert judged(f"<think>{IT}{apart}{IT}</think>5", language="it").is_correct


def test_the_floor_is_the_settings() -> None:
    short = "Dobbiamo sommare i due numeri e poi dividere per due."
    assert "language" not in judged(f"<think>{short}</think>", language="en").metrics
    assert not judged(f"<think>{short}</think>", language="en", language_letters=30).is_correct


def test_each_mode_has_its_own_checks() -> None:
    modes = {"turbo": {"max_tokens": 5}, "direct": {"thinking": "none"}}
    said = "<think>because</think>42"
    assert not judged(said, mode="turbo", modes=modes).is_correct
    assert not judged(said, mode="direct", modes=modes).is_correct
    assert judged(said, mode="other", modes=modes, thinking="some").is_correct
    assert not judged("42", mode="", modes=modes, thinking="some").is_correct


@pytest.mark.parametrize(
    "asked",
    [
        {"language": "xx"},
        {"min_tokens": 3, "max_tokens": 2},
        {"thinking": "none", "language": "it"},
        {"thinking": "none", "min_tokens": 2},
        {"language_letters": 3},
        {"thinks": "some"},
    ],
)
def test_checks_that_cannot_hold_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Checks.model_validate(asked)


def test_the_same_text_has_the_same_share_and_formulas_have_none() -> None:
    mixed = (IT + EN + MATH) * 5
    assert {strange(mixed, "it", 80) for _ in range(3)} == {strange(mixed, "it", 80)}
    assert prose("Sia $x=3$ e y, \\sqrt{z}.").split() == ["Sia", ",", "{", "}."]


@pytest.mark.parametrize(
    "hostile",
    [
        "$",
        "\\[",
        "\\(",
        "`a",
        "```\n",
        " ",
        "http://",
        "a",
        "\u0301",
        "\ufdfa",
        "<think>",
        "\\a",
        "aa ",
        "$aa aa aa aa",
        "`aa aa aa aa a`",
        "```\naa aa aa\n",
        "```\n\u6211\u6211\n",
        "aa'",
    ],
)
def test_what_hostile_text_costs_does_not_grow_beyond_a_bound(hostile: str) -> None:
    few, many = (hostile * (size // len(hostile)) for size in (100_000, 800_000))
    strange(few, "it", 80)  # the profiles are loaded
    usual = least_seconds(lambda: strange(few, "it", 80), 2)
    assert least_seconds(lambda: strange(many, "it", 80), 2) < 10 * usual + 1


def test_what_a_term_costs_is_its_factor_and_its_weight() -> None:
    sample = Sample("s", (), "x")
    right, wrong = Verdict.correct(), Verdict.incorrect(tokens=7)
    one = Rubric(terms=(Term("reasoning", Use("reasoning"), weight=0.25, factor=0.5),))
    assert one.combine(sample, [right, right]).reward == 1.25
    assert one.combine(sample, [right, wrong]).reward == 0.5
    assert one.combine(sample, [wrong, wrong]).reward == 0.0
    assert one.combine(sample, [right, wrong]).is_correct, "a term never changes what is correct"
    assert one.combine(sample, [right, wrong]).metrics == {"reasoning": 0.0, "reasoning.tokens": 7}
    lower = Rubric(incorrect=-1.0, terms=one.terms)
    assert lower.combine(sample, [wrong, wrong]).reward == -1.0, "what is lost is not made less"
