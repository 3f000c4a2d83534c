"""Plain text: equal for settings of one text, different for different questions."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.contamination.words import words_without_figures
from data.files import read_rows
from data.plain_text import asked, plain, squeezed
from tests.processor_time import least_seconds
from tests.retyped import retyped

QUESTIONS = [
    r"Find the value of $\frac{3}{4} \cdot x^2$ where $x \le 12,000$ and $y = \sqrt{2} - 1$.",
    r"If $\angle ABC = 40^\circ$, what is $\left(a + b\right)^{2}$? Jan's area is $\pi \times 9$.",
    r"已知函数 $f(x)=x^{2}-\frac{1}{2}$，求 $f(3)$ 的值。",
    "Сколько яблок осталось у Пети, если было 1,250, а он отдал $\\frac{2}{5}$ из них?",
    "Quanti numeri interi positivi n soddisfano $n^2 \\leq 100$ ?",
]


def text_of(text: str) -> str:
    return squeezed(plain(text))


@pytest.mark.parametrize("question", QUESTIONS)
def test_settings_of_one_text_are_the_same(question: str) -> None:
    seen = {text_of(retyped(question, random.Random(seed))) for seed in range(100)}
    assert seen == {text_of(question)}


def test_rows_of_a_public_set_are_the_same_when_retyped() -> None:
    path = Path(__file__).parents[3] / "shared/data/math/train.jsonl"
    if not path.exists():
        pytest.skip("no copy of MATH here")
    draw = random.Random(0)
    rows = [row.columns["problem"] for row in read_rows(path)]
    texts = [text for text in rows[:600] if "[asy]" not in text]
    differing = [text for text in texts if text_of(retyped(text, draw)) != text_of(text)]
    assert len(differing) <= len(texts) // 100


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x - 3", "x + 3"),
        ("x^2", "x_2"),
        ("x²", "x2"),
        ("10²", "102"),
        ("find 1 2", "find 12"),
        (r"\frac{1}{23}", r"\frac{12}{3}"),
        (r"\frac{x+1}{2}", r"x+\frac{1}{2}"),
        (r"x^{a+1}", r"x^a+1"),
        ("n < 5", "n > 5"),
        (r"n \leq 5", r"n < 5"),
        ("1,000", "1,0000"),
        ("3.5", "35"),
        (r"\sin x", r"\cos x"),
        ("50%", "50"),
        ("求 a 的值", "求 b 的值"),
    ],
)
def test_other_questions_stay_apart(one: str, other: str) -> None:
    assert text_of(one) != text_of(other)


@given(st.text())
def test_plain_text_of_anything_is_stable(text: str) -> None:
    """Neither fails on a text, nor finds more to do in what it made, up to spacing."""
    once = plain(text)
    assert once == plain(text)
    assert not any(character.isspace() for character in squeezed(once))


HOSTILE = [
    "{", "}", "\\frac{", "\\frac{a}{", "^{", "^{ ", "{ ", "\\", "\\begin{", "1 ", "1,", "1\\,",
    "frac{{a}", "[asy]", "{{a}{b}}", "frac{a}{b", "\\frac{\\frac{a}{b}}{c}", "frac{ {", "²", "1\t",
]  # fmt: skip


def test_time_is_linear_in_hostile_texts() -> None:
    def seconds(unit: str, letters: int) -> float:
        text = unit * (letters // len(unit))
        return least_seconds(lambda: words_without_figures(squeezed(plain(text))))

    for unit in HOSTILE:
        short, long = seconds(unit, 20_000), seconds(unit, 160_000)
        assert long < 40 * max(short, 0.002), unit  # 64 times where it is quadratic


def test_what_is_asked_are_texts_alone() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
    ]
    assert asked(messages, with_system=False) == "What is it?"
    assert asked(messages, with_system=True) == "Be brief.\nWhat is it?"
