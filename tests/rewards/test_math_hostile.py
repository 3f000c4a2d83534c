"""Answers made to break the grader: none runs, none passes, none takes long or much memory."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import Sample, load_verifier
from rewards.math import math_equal
from rewards.math.equal import decide

ENDLESS = [
    "9^{9^{9^9}}", "(10^9)!", "10^9!", "9" * 100_000, "(" * 5000 + "1" + ")" * 5000, "{" * 2000,
    r"\frac{" * 500, r"\sqrt{" * 1000 + "2" + "}" * 1000, r"\binom{10^9}{5*10^8}", "1e999999",
    r"\begin{pmatrix}" + "&".join("1" * 700) + r"\end{pmatrix}", r"\sum_{k=1}^{10^9} k",
    r"\sum_{k=1}^{999}\sum_{j=1}^{999} k j", r"\prod_{k=1}^{999} k^k", r"\sin(10^{100000})",
    "e^{e^{e^{e^{e}}}}", "x^{x^{x^{x}}}", "(x+1)^{100000}", r"\pm 1" * 100, "5" + "!" * 500,
    "-" * 1500 + "1", "1," * 1500 + "1", r"\{" + "1," * 500 + r"1\}", "|" * 1000, "2^{-10^{9}}",
    r"\lfloor 10^{10^{5}} \pi\rfloor", "+".join("x" * 700), "x" * 2000, r"\text{" * 100 + "}" * 100,
    r"\begin{cases}" * 300, r"\left(" * 1000, r"0.\overline{" + "9" * 3000 + "}", "1" + "_{2}" * 50,
    "a/" * 700 + "a", r"\boxed{" * 3000, r"\boxed{5},"*3000,
    r"(\pm 1, \pm 2)", r"\frac{\pi}{4}(n=0,\pm1,\pm2,\ldots)", "5 " + "km/" * 900,
    r"\begin{pmatrix}\pm1&2\end{pmatrix}", "5 m/" + "(" * 1900, "5 ft 3 in " * 300, "`" * 1900,
    "$5 and " * 500, "5" + " million" * 400, r"5\text{" + "a " * 900 + "}", "5" + "万" * 1900,
    "]2,5[" * 300, "6=" * 600 + "5", "+".join("1" * 600), "twenty-" * 500, "5 " + "(A) " * 900,
]  # fmt: skip
RESPONSES = [
    "答案 " * 60_000,
    "answer" + " " * 200_000, "answer to the " * 14_000, "#" * 200_000, "\n" * 200_000,
    "\nfinal answer" + " " * 200_000, "<answer>" * 25_000, "answer is " + "$" * 200_000,
    "\\boxed{" + "\\(" * 100_000 + "}", "\\boxed" * 30_000, "answer" + "*" * 200_000,
]  # fmt: skip
CODE = [
    "__import__('os').system('touch {0}')",
    r"\text{{__import__('os').system('touch {0}')}}",
    "(lambda: open('{0}', 'w'))()",
    "exec(\"open('{0}','w')\")",
    "eval('5')",
    "5 if open('{0}','w') else 5",
    r"\operatorname{{__import__}}('os').system('touch {0}')",
    "{{{{config.__class__.__init__.__globals__['os'].popen('touch {0}')}}}}",
    "x.subs(x, __import__('pathlib').Path('{0}').touch())",
    "Integer(5).__class__.__mro__",
]
TRICKS = [
    "٥",
    "\ud800",
    "5\x00",
    "𝟓",
    "0x5",
    "0b101",
    "5L",
    "five\u202e",
    "V",
]
REFERENCES = ["5", r"\frac12", "x+1", "(1,2)", "[0,1)", "1,2,3", "x>3", r"\pm 1"]


@pytest.mark.parametrize("answer", ENDLESS, ids=lambda answer: f"{answer[:20]}...{len(answer)}")
def test_nothing_takes_long(answer: str) -> None:
    started = time.process_time()
    for reference in REFERENCES:
        assert not decide(answer, reference).same
        decide(reference, answer)
    assert time.process_time() - started < 10  # some are endless, or take minutes


def test_no_response_takes_long_and_each_is_gradable() -> None:
    started = time.process_time()
    for response in [*RESPONSES, *(f"\\boxed{{{answer}}}" for answer in ENDLESS)]:
        verdict = load_verifier("math").judge(Sample("s", (), response, "5"))
        assert verdict.is_gradable, response[:40]
        assert not verdict.is_correct, response[:40]
    assert time.process_time() - started < 60  # one that is not linear takes hours


def test_nothing_takes_much_memory() -> None:
    before = psutil.Process().memory_info().rss
    for answer in ENDLESS:
        decide(answer, "5")
    assert psutil.Process().memory_info().rss - before < 200 * 2**20


@pytest.mark.parametrize("code", CODE)
def test_no_code_runs(code: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    answer = code.format(mark)
    assert not math_equal(answer, "5", deadline=5)
    assert not math_equal(f"\\frac{{{answer}}}{{\\int 1}}", "\\frac{5}{\\int 1}", deadline=5)
    assert not mark.exists()


def test_the_calling_process_needs_no_computer_algebra() -> None:
    code = (
        "import sys\n"
        "from rewards.math import math_equal\n"
        "assert math_equal('x > 0', '(0, oo)')\n"
        "assert not {'sympy', 'math_verify'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("answer", TRICKS)
def test_no_trick_of_characters_passes(answer: str) -> None:
    assert not math_equal(answer, "5")


@given(st.text(alphabet=r"0123456789+-*/^_{}()[]|\,.!&%$xyfrac sqrtpm'", max_size=80))
def test_any_soup_is_decided_quickly(soup: str) -> None:
    started = time.process_time()
    decide(soup, "5")
    assert time.process_time() - started < 5
