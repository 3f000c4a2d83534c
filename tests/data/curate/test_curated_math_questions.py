"""Which questions of mathematics go on, and why others do not."""

import pytest

from data.curate.math_questions import REASONS, MathQuestions
from tests.data.curate.math_rows import row

DROPPED = [
    ("no question", " ", "7"),
    ("no question", "?", "7"),
    # proofs
    ("proof", "Prove that $\\sqrt{2}$ is irrational.", "\\sqrt{2}"),
    ("proof", "Let $a, b > 0$. Show that $a^2 + b^2 \\ge 2ab$.", "a^2 + b^2 \\ge 2ab"),
    ("proof", "Use induction to prove that $1+2+\\dots+n = n(n+1)/2$.", "n(n+1)/2"),
    ("proof", "For $n > 3$, demonstrate that $n! > 2^n$.", "proof"),
    ("proof", "Prove or disprove: every even number is a sum of two primes.", "true"),
    ("proof", "Is $\\sqrt{2}$ irrational?", "Proof omitted"),
    ("proof", "Let $ABCD$ be cyclic; prove $\\angle A + \\angle C = 180^\\circ$.", "180^\\circ"),
    ("proof", "Let $n$ be odd. Then show $8 \\mid n^2-1$.", "8"),
    ("proof", "Докажите, что сумма углов треугольника равна $180^\\circ$.", "180"),
    ("proof", "Пусть $n$ нечётно. Доказать, что $n^2-1$ делится на 8.", "8"),
    ("proof", "已知 $a>b>0$,证明:$a^2>b^2$。", "a^2>b^2"),
    ("proof", "设 $n$ 为正整数,求证 $n^3-n$ 能被 6 整除。", "6"),
    ("proof", "Dimostrare che $n^2+n$ è pari per ogni intero $n$.", "2"),
    ("proof", "Sia $n$ dispari. Si dimostri che $n^2-1$ è divisibile per 8.", "8"),
    # open
    ("open question", "Explain why the sum of two odd numbers is even.", "2k"),
    ("open question", "Describe the transformation that takes the first curve to the second.", "x"),
    ("open question", "Give an example of a composite number.", "15"),
    ("open question", "Find one possible value of $a$ for which $a^2 > 10$.", "4"),
    ("open question", "Sketch the graph of $y=x^2$.", "y=x^2"),
    ("open question", "Why is a square a rectangle?", "four right angles"),
    ("open question", "Construct a triangle with ruler and compass.", "triangle"),
    ("open question", "Постройте график функции $y=x^2$.", "y=x^2"),
    ("open question", "Приведите пример числа, которое делится на 7 и на 11.", "77"),
    ("open question", "Объясните, почему дробь несократима.", "нет"),
    ("open question", "请写出一个满足条件的二次函数,写出一个即可。", "y=x^2"),
    ("open question", "请说明理由:三角形的内角和为什么是一个平角。", "平角"),
    ("open question", "写出一个同时满足两个性质的函数 $f(x)$。", "x^4"),
    ("open question", "求一个满足条件的函数。", "$x^4$ (答案不唯一)"),
    ("open question", "Fai un esempio di numero irrazionale.", "\\sqrt{2}"),
    ("open question", "Spiega il teorema di Pitagora.", "a^2+b^2=c^2"),
    # several parts
    ("multi-part", "Let $f(x)=x^2$. (a) Find $f(2)$. (b) Find $f(3)$.", "4"),
    ("multi-part", "1) Compute $2+2$. 2) Compute $3+3$.", "6"),
    ("multi-part", "A train leaves.\n(i) How far is it?\n(ii) How long does it take?", "5"),
    ("multi-part", "Part A: What is $2+3$? Part B: What is $2\\cdot 3$?", "5"),
    ("multi-part", "What are the sum and the product of 2 and 3?", "(a) 5 (b) 6"),
    ("multi-part", "а) Найдите $x$. б) Найдите $y$.", "3"),
    ("multi-part", "已知 $f(x)=x^2$。(1)求 $f(2)$ 的值;(2)求 $f(x)$ 的最小值。", "0"),
    ("multi-part", "已知数列 $a_n=n$。①求 $a_5$;②求前10项的和是多少?", "55"),
    ("multi-part", "Sia $f(x)=x^2$. a) Calcola $f(2)$. b) Trova il minimo di $f$.", "0"),
    ("multi-part", "设 $a=1$. $\\textcircled{1}$ 求 $a+1$; $\\textcircled{2}$ 求 $a+2$.", "3"),
    ("multi-part", "Calculate: (1) $2+3$; (2) $4+5$.", "5"),
    ("multi-part", "Find (a) $x+y$ (b) $xy$ if $x=2$, $y=3$.", "5"),
    ("multi-part", "Вычислите: а) $2+3$; б) $4\\cdot 5$.", "5"),
    ("multi-part", "解方程:(1) $x+1=2$;(2) $2x=6$", "1"),
    ("multi-part", "Calcola: a) $2+3$; b) $4+5$", "5"),
    ("multi-part", "If $a=2$, what is $2a$? Also, find $3a$.", "4"),
    ("multi-part", "What are they?", "1. 5\n2. 6"),
    # other questions
    ("missing context", "Refer to the previous problem. What is the answer now?", "7"),
    ("missing context", "Using the circle of Exercise 3.2, find $x$ from Exercise 3.2.", "7"),
    ("missing context", "Решите предыдущую задачу для $n=7$.", "7"),
    # choices without options
    ("no options", "Which of the following is a prime number?", "13"),
    ("no options", "The radius of the circle is", "\\textbf{(C)}"),
    ("no options", "Which of the following statements is true?", "B"),
    ("no options", "下列说法正确的是( )", "C"),
    ("no options", "Какое из следующих чисел простое?", "13"),
    ("no options", "Quale delle seguenti affermazioni è vera?", "B"),
    ("reference is no option", "What is $1+1$? (A) 1 (B) 2 (C) 3 (D) 4", "E"),
    # figures
    ("missing figure", "What is the area of the shaded region in the figure below?", "7"),
    ("missing figure", "In the diagram, what is the value of $x$?", "7"),
    ("missing figure", "The graph of $f$ is shown below. What is $f(2)$?", "7"),
    ("missing figure", "Find the angle. ![](https://example.org/a.png)", "7"),
    ("missing figure", "How many books are there, according to the table below?", "7"),
    ("missing figure", "A rod is bent as shown. How long is it?", "7"),
    ("missing figure", "Find the number of square units in the area of the shaded region.", "7"),
    ("missing figure", "The bar graph shows the sales. By how much did they grow?", "7"),
    ("missing figure", "The isosceles trapezoid shown has sides as labeled. Find $AC$.", "7"),
    ("missing figure", "In triangle $\\triangle JKL$ shown, $\\tan K=2$. What is $KL$?", "7"),
    ("missing figure", "According to the graph, what is the average balance?", "7"),
    ("missing figure", "Below is the graph of $y=a\\sin bx$. Find $a$.", "7"),
    ("missing figure", "In the diagram, $M$ is the midpoint of $AB$. Find the area of $AMB$.", "7"),
    ("missing figure", "На рисунке показан треугольник. Найдите угол $x$.", "7"),
    ("missing figure", "如图所示,阴影部分的面积是多少?", "7"),
    ("missing figure", "观察下图,求 $x$ 的值。", "7"),
    ("missing figure", "Quanto misura l'angolo $x$ in figura?", "7"),
]  # fmt: skip

KEPT = [
    ("Records show that 5 of 12 games were lost. How many were won?", "7"),
    ("Prove that the minimum exists and find its value.", "7"),
    ("It can be shown that $a_n = 2^n$ for all $n$. What is $a_3$?", "8"),
    ("The dough needs 2 hours to proof and 5 to bake. How many hours is that?", "7"),
    ("Докажите, что предел существует, и найдите его.", "7"),
    ("证明 $f$ 有最小值,并求出这个最小值。", "7"),
    ("How many apples are left? Explain your reasoning.", "7"),
    ("Solve $x+1=8$ and describe your steps.", "7"),
    ("An example of a lucky number is 77. How many lucky numbers are below 100?", "7"),
    ("What is the largest possible value of $x$ if $x \\le 7$?", "7"),
    ("The possible values of $x$ are 3 and 4. What is their sum?", "7"),
    ("How many numbers satisfy: (1) they are odd, and (2) they are below 14?", "7"),
    ("Subtract equation (1) from equation (2). What is $x$?", "7"),
    ("Let $f(1)=3$ and $f(2)=4$. Find $f(1)+f(2)$.", "7"),
    ("若函数满足(1) $f(0)=0$;(2) $f(1)=7$,求一次函数 $f(x)$ 在 $x=1$ 的值。", "7"),
    ("Which of the following is prime: 4, 6, 7, or 9?", "7"),
    ("Which of the following are prime?\n4\n6\n7\n9", "7"),
    ("Which point is nearest to $A$: $B$, $C$ or $D$?", "C"),
    ("甲、乙去过 A, B, C 三个城市, 由此可判断乙去过的城市为 $(\\quad)$.", "$A$."),
    ("Express the area $S$ in terms of $A$ and $B$.", "B"),
    ("In the figure, what is $x$?\n[asy]\nlabel(\"A)\", (0,0)); dot((1)); draw((2)); [/asy]", "7"),
    ("The table below says it. How many?\n\\begin{tabular}{c|c} a & 7 \\\\ \\end{tabular}", "7"),
    ("| day | apples |\n|---|---|\n| Monday | 7 |\nHow many apples, as shown in the table?", "7"),
    ("In the diagram, $M$ is the midpoint of $AB$ and $AB=14$. What is $AM$?", "7"),
    ("如图,在直角三角形 $ABC$ 中, $AC=BC=7$, $D$ 是 $AB$ 的中点,求 $AC$ 的长。", "7"),
    ("The graph of $y=x^2$ is shifted up by 7. What is its minimum?", "7"),
    ("Ann wants to figure out a six-figure code. How many digits has it, plus one?", "7"),
    ("The image of the point $A$ is $(7,0)$. What is its first coordinate?", "7"),
    ("A cone stands on a table and is cut above its base. How many parts are there?", "7"),
    ("Children below 12 years pay \\$7, others \\$9. What does a child of 8 pay?", "7"),
    ("Five advertisements were shown in total, and 2 more. How many is that?", "7"),
    ("The clown shows 3 tricks and then 4. How many are shown?", "7"),
    ("She sat in the shade for 7 hours. For how many minutes, divided by 60?", "7"),
    ("Square $ABCD$ has $AB=7$, as shown. What is $AB$? Give your answer in digits.", "7"),
    ("A figure is made of 7 unit squares in a row. What is the area of the figure?", "7"),
    ("Seven of 12 cells are shaded. What is the number of the shaded cells?", "7"),
    ("На рис потратили 7 рублей, на соль ничего. Сколько рублей потратили?", "7"),
    ("在比例尺为 1:1000 的地图中,两地相距 7 厘米,实际相距多少十米?", "7"),
    ("下列哪些图形的对称轴多于 2 条:等边三角形,正方形,矩形,圆?", "等边三角形,正方形,圆"),
    ("Una figura è formata da 7 quadrati di lato 1. Qual è l'area della figura?", "7"),
    ("Ann's goal is to exercise 1 hour a day for 7 days. How many hours is that?", "7"),
    ("The square he met in the previous problem has area 49. What is its side?", "7"),
    ("Find all $x$ such that (1) $x>6$ and (2) $x<8$, where $x$ is whole.", "7"),
    ("He also buys 3 pens. How many has he now?", "7"),
    ("What are $2+5$ and also what $2\\cdot 5$?", "7, 10"),
    ("函数图象经过点 $(0,7)$,求截距。", "7"),
    ("На сколько частей делят плоскость три прямые общего положения?", "7"),
    ("Quanti sono i divisori di 64?", "7"),
    ("Find all primes $p$ such that $p+1$ is a power of two and $p<10$, giving the larger.", "7"),
    ("Show your work. What is $3+4$?", "7"),
    ("Mira boxed 190 fights. What is the number's digit in the hundreds, plus 6?", "7"),
    ("Determine $x$ if $x=7$. Think step by step and put the answer in \\boxed{}.", "7"),
]  # fmt: skip


def test_what_has_no_one_answer_in_words_is_dropped_with_its_reason() -> None:
    records = [row(question, reference) for _, question, reference in DROPPED]

    outcome = MathQuestions()(records)

    reasons = {drop.record.id: drop.reason for drop in outcome.dropped}
    wanted = {record.id: reason for record, (reason, _, _) in zip(records, DROPPED, strict=True)}
    names = {record.id: record.request() for record in records}
    assert {
        names[i]: (reasons.get(i), wanted[i]) for i in wanted if reasons.get(i) != wanted[i]
    } == {}
    assert {drop.reason for drop in outcome.dropped} <= set(REASONS)
    assert all(drop.stage == "math questions" and drop.detail for drop in outcome.dropped)


def test_what_only_looks_like_it_is_kept_in_order() -> None:
    records = [row(question, reference) for question, reference in KEPT]

    outcome = MathQuestions()(records)

    assert [(drop.reason, drop.record.request()) for drop in outcome.dropped] == []
    assert [one.request() for one in outcome.kept] == [question for question, _ in KEPT]


def test_a_proof_that_its_source_calls_one_is_dropped() -> None:
    outcome = MathQuestions()([row("Let $n$ be odd.", "x", question_type="proof")])

    assert [drop.reason for drop in outcome.dropped] == ["proof"]


OPTIONS = [
    ("What is $6+6$? (A) 10 (B) 11 (C) 12 (D) 13", "C", "C) 12"),
    ("What is $6+6$? (A) 10 (B) 11 (C) 12 (D) 13", "12", "C) 12"),
    ("What is $6+6$?\nA. 10\nB. 11\nC. 12\nD. 13", "\\text{(C)}", "C) 12"),
    ("Radius? $\\textbf{(A)}\\ 4\\qquad\\textbf{(B)}\\ \\frac{7}{2}$", "3.5", "B) 3.5"),
    ("Radius? $\\mathrm{(A)\\ } 4 \\qquad \\mathrm{(B)\\ } \\sqrt{2}$", "B", "B) \\sqrt{2}"),
    ("Area? $\\mathrm{(A) \\frac16 } \\qquad \\mathrm{(B) \\frac14 }$", "B", "B) \\frac14"),
    ("$3+4$ 等于( ) A、6 B、7 C、8 D、9", "B", "B) 7"),
    ("Quanto fa $3+4$? A) 6 B) 7 C) 8", "7", "B) 7"),
    ("Which holds? (A) $x=1$ (B) $x=2$ (C) $x=3$", "B", "B) x=2"),
    ("Which? (A) 1 (B) 1.0 (C) 3", "1", "1"),  # two options are the same
    ("Which are even? (A) 1 (B) 2 (C) 4", "B, C", "B, C"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "reference", "wanted"), OPTIONS)
def test_a_choice_is_answered_by_letter_or_by_value(
    question: str, reference: str, wanted: str
) -> None:
    record = row(question, reference)

    (kept,) = MathQuestions()([record]).kept

    assert kept.reference == wanted
    assert (kept.id == record.id) == (wanted == reference)
    assert (kept.metadata.get("source_reference") == reference) == (wanted != reference)


def test_choices_can_be_dropped_all() -> None:
    outcome = MathQuestions(options="drop")([row(OPTIONS[0][0], "C"), row("What is $6+1$?")])

    assert [drop.reason for drop in outcome.dropped] == ["multiple choice"]
    assert len(outcome.kept) == 1


def test_the_language_is_filled_in_where_it_is_not_known() -> None:
    known = row("Find $x$ if $x+1=8$.").model_copy(update={"language": "fr"})

    kept = MathQuestions()([known, row("Найдите $x$, если $x+1=8$.")]).kept

    assert [record.language for record in kept] == ["fr", "ru"]
