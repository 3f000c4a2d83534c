"""Final answers as models write them, and the texts around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import Sample, load_verifier

MATH, BARE = load_verifier("math"), load_verifier("math-bare")

RESPONSES = [
    "**Final Answer**\n\n41",
    "**Final Answer**\n\n$$41$$",
    "### Final Answer\n41",
    "## Final Answer:\n\n\\[\n41\n\\]",
    "Steps.\n\nFinal Answer:\n\n$$\n41\n$$",
    "Final answer\n\n**41**",
    "**Answer**\n$41$",
    "# Answer\n\n`41`",
    "**Final Answer:** 41",
    "**Final Answer**: $x = 41$.",
    "*Answer:* 41",
    "The answer is **41**, as shown.",
    "The answer is `41`.",
    "The answer is 41, since 6+35=41.",
    "The answer is $41$ because $6+35=41$.",
    "The answer is (41).",
    "The final answer to the question is 41.",
    "So the answer should be \\(41\\).",
    "Answer: 41。",
    'The answer is "41".',
    "The answer is __41__.",
    "Answer – 41",
    "\\framebox{41}",
    "答案是41。",
    "答案：41",
    "最终答案：**41**",
    "Ответ: 41.",
    "La risposta è 41.",
    "La respuesta es 41.",
    "La réponse est 41.",
    "<answer>41</answer>",
    "<answer> 40 </answer> no <answer>\n41\n</answer>",
    "#### 41",
    "#### **41**",
    "#### $41",
    "#### $41.00",
    "The answer is\n\\begin{align*}\nx &= 20+21 \\\\\n&= 41\n\\end{align*}",
    "The answer is 4.1e1",
    "The answer is 40. Wait, the answer is 41.",
    "\\boxed{41。}",
    "answer = 41",
    "The answer is 41 apples.",
    "The answer is $41$ apples, so we are done.",
    "Answer: $\\color{red}{41}$",
    "\\boxed{41}\\boxed{41}",
    "$$\\boxed{41}$$\n\n$$\\boxed{41}$$",
    "The answer is 41, obviously.",
    "\\boxed{41, \\text{ of course}}",
]
FORMS = [
    r"\color{red}41",
    r"\color{red}{41}",
    r"{\color{blue} 41}",
    r"\textcolor{red}{41}",
    r"\textcolor[rgb]{1,0,0}{41}",
    r"\colorbox{yellow}{41}",
    r"\fcolorbox{red}{white}{41}",
    r"{82\over 2}",
    r"{82 \over 2}",
    "４１",
    "41\u200b",
    "\ufeff41",
    "4\u20601",
    "41。",
    "41．",
    "41।",
    "**41**",
    "*41*",
    "__41__",
    "`41`",
    "```41```",
    "**`41`**",
    "**41.**",
    "**41**.",
    r"\begin{aligned}41\end{aligned}",
    r"\begin{aligned}x&=20+21\\&=41\end{aligned}",
    r"\begin{equation*}41\end{equation*}",
    r"41\tag{1}",
    r"\bfseries 41",
    r"41\nonumber",
    r"\huge 41",
    r"\mathstrut 41",
    r"\textup{41}",
    r"41\quad",
    r"\text{Total: }41",
    "Total: 41",
    "= 41",
    r"41\\",
    "41\u3000",
]
CHOICES = [
    "C",
    "(C)",
    "C.",
    "C)",
    "Option C",
    "option (C)",
    "Choice C",
    "The answer is C",
    "Answer: C",
    "选项C",
    "选C",
    "C选项",
    r"\text{(C)}",
    r"\textbf{(C)}",
    "(C) 12",
    "C: 12",
    r"\textbf{(C) }12",
    "**C**",
    "Ｃ",
    "(C) none of these",
    "C (7)",
    "**C.** 7",
    "**C)** 7",
]
NO_CHOICES = [
    "(C) is wrong",
    "C is incorrect",
    "(C) or (D)",
    "not C",
    "(C) and (D)",
    "C, D",
    "(D)",
    "(C) is not right",
    "C) isn't it",
    "All but C",
    "Option C is false",
    "C (not D)",
    "C (D)",
    "C (is wrong)",
    "**C.** is wrong",
]


def correct(verifier: object, text: str, reference: str) -> bool:
    verdict = verifier.judge(Sample("s", (), text, reference))  # type: ignore[attr-defined]
    return bool(verdict.is_correct)


@pytest.mark.parametrize("response", RESPONSES)
def test_the_final_answer_of_a_response(response: str) -> None:
    assert correct(MATH, f"Some steps: 6 and 35.\n\n{response}", "41")
    assert not correct(MATH, f"Some steps: 6 and 35.\n\n{response}", "42")


@pytest.mark.parametrize("form", FORMS)
def test_what_only_looks_does_not_count(form: str) -> None:
    assert correct(BARE, form, "41")
    assert correct(BARE, "41", form)
    assert not correct(BARE, form, "42")


@pytest.mark.parametrize("text", CHOICES)
def test_a_choice(text: str) -> None:
    assert correct(BARE, text, "C")
    assert not correct(BARE, text, "B")


@pytest.mark.parametrize("text", NO_CHOICES)
def test_no_choice(text: str) -> None:
    assert not correct(BARE, text, "C")


@pytest.mark.parametrize(
    "response",
    [
        "The answer is not 41.",
        "It makes 41.",
        "The answer is 40, not 41.",
        "Answer: 41 or 42",
        "\\boxed{41}, \\boxed{42}",
        "\\boxed{41, \\text{ maybe}}",
        "Final Answer\n\n",
        "The answer is unclear; perhaps 41.",
        "**Final Answer**\n\n40\n\n41",
    ],
)
def test_no_final_answer(response: str) -> None:
    assert not correct(MATH, response, "41")


@given(st.text(alphabet="answer is:#*$\\[]`\n41.,<>/ final答案", max_size=80))
def test_any_response_gets_a_verdict(response: str) -> None:
    assert MATH.judge(Sample("s", (), response, "41")).is_gradable
