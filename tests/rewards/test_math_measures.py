"""Words behind a value: units convert, magnitudes multiply, nouns say nothing, other words do."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.math.equal import decide
from rewards.math.inflections import MEANINGS
from rewards.math.unit_table import UNITS, Unit
from rewards.math.units import pieces, units_of
from rewards.math.words import STRONG, WEAK

SAME = """
5 m/s | 5\\ \\frac{\\text{m}}{\\text{s}}
5\\text{ kg}\\cdot\\text{m}^{-3} | 5 kg/m³
5\\,\\mathrm{kg\\,m^{-3}} | 5\\text{ kg}/\\text{m}^3
5 kJ/mol | 5\\text{ kJ mol}^{-1}
5\\,\\text{J}/(\\text{mol}\\cdot\\text{K}) | 5~\\mathrm{J\\,mol^{-1}\\,K^{-1}}
5000 J/mol | 5 kJ/mol
36 km/h | 10 m/s
60 mph | 60 miles per hour
60 km/hr | 60 kilometers an hour
1 kWh | 3.6 MJ
1 N | 1 kg·m/s²
5 N·m | 5 J
1 atm | 101.325 kPa
25 °C | 77 °F
25^\\circ\\text{C} | 298.15 K
25^\\circ C | 25 degrees
180° | \\pi
90 degrees | \\frac{\\pi}{2} rad
1 hectare | 10000 m^2
1 acre | 43560 square feet
5 L | 5000 cm^3
1 gallon | 231 cubic inches
8 bits | 1 byte
1 year | 12 months
5 ft 3 in | 63 inches
2 hours and 30 minutes | 150 min
0.005\\ \\mu\\text{m} | 5 nm
100 pm | 0.1 nm
5\\ \\Omega | 5 ohms
60 words per minute | 60
5 cents | $0.05
USD 5 | 5 dollars
5 pounds | 80 oz
5 pounds | £5
1 ton | 2000 pounds
1 GB | 1024 MB
5 and a half | 5.5
a dozen | 12
5 units left | 5 units to the left
2h | 120 min
30\\degree | 30^\\circ
5 over 6 | 5/6
$5 million | 5000000 dollars
€5 | 5 euros
5¢ | 5
-$5 | -5 dollars
5‰ | 0.5%
5 basis points | 0.05\\%
33\\frac13\\% | 1/3
-5\\% | -5
2.5\\text{ million} | 2500000
5 hundred thousand | 500000
2 dozen eggs | 24
3 halves | 1.5
5 tenths | 0.5
2 thirds | 2/3
one million | 10^6
twenty-five | 25
one hundred and five | 105
two and a half | 2.5
5 squared | 25
5 factorial | 120
negative five | -5
minus 5 | -5
5万 | 50000
2.5万元 | 25000元
三百二十 | 320
72千米/时 | 20 m/s
5平方米 | 5 m^2
5 тыс. | 5000
2,5 млн | 2500000
5 млрд руб. | 5000000000 рублей
72 км/ч | 20 m/s
5 milioni | 5000000
5 miliardi di euro | €5000000000
3 dozzine | 36
5 red balls | 5
5 apples left | 5
18 right triangles | 18
12 red balls | 12 balls
12 Apple | 12 apples
5 people | 5 persons
5 boxes | 5 box
5 buses | 5 bus
5 ways | 5 different ways
5 apples left | 5 apples remaining
5 apples in total | 5 apples
5 яблок | 5 яблока
5 mele | 5 mela
5个苹果 | 5苹果
5种方法 | 5种
60 m^2/s | 60
5 W/(m·K) | 5\\text{ W m}^{-1}\\text{ K}^{-1}
10π cm² | 10\\pi
5 Nm | 5 J
41\\text{k} | 41000
noon | 12:00 pm
12 noon | 12:00 PM
midnight | 12:00 am
increase of 5% | 5% increase
\\text{a decrease of }5\\% | 5% decrease
profit of $5 | $5 profit
5 is the answer | 5
1:30 pm | 13:30
12:30 p.m. | 12:30
12{:}30\\text{ p.m.} | 12:30 PM
5 PM | 17:00
3 o'clock | 3:00
5 r 2 | 5\\text{ remainder }2
1:2:3 | 2:4:6
5千米 | 5
5千米 | 5000米
5千克 | 5
60千米/时 | 60
5千瓦 | 5
5千瓦时 | 18 MJ
5百分点 | 5
5千焦 | 5000 J
5千卡 | 5
5兆瓦 | 5
5兆赫 | 5
5百帕 | 500 Pa
5万千米 | 50000
5千人 | 5000
5千元 | 5000元
12\\,\\mathrm{V} | 12 V
5\\,\\mathrm{V}/\\mathrm{m} | 5
5\\,\\mathrm{V}\\cdot\\mathrm{A} | 5 W
8\\,\\mathrm{J}\\,\\mathrm{mol}^{-1}\\,\\mathrm{K}^{-1} | 8
8\\,\\mathrm{J}\\,\\mathrm{mol}^{-1}\\,\\mathrm{K}^{-1} | 8 J/(mol K)
12 \\mathrm{~V} | 12
12\\,\\mathrm V | 12
12\\,{\\rm V} | 12
5\\,{\\rm kg} | 5
I = 3\\,\\mathrm{A} | 3
5\\,\\mu\\mathrm{A} | 5
25\\,\\mathrm{k\\Omega} | 25000 ohms
25 \\mathrm{~k}\\Omega | 25
Rs. 500 | 500
Rs 500 | 500 rupees
\\text{Rs. } 500 | ₹500
Rs. 1,500/- | 1500
500/- | 500
Rs 500 and Rs 300 | 500, 300
12\\text{ fifth graders} | 12
twelve fifth graders | 12
5\\text{ tenth-grade students} | 5
5 eighth notes | 5
3\\text{ half-lives} | 3
3 quarter hours | 45 min
1 fifth of the students | 1/5
5\\text{ positive integers} | 5
5 negative integers | 5
5 positive integer solutions | 5
5 consecutive integers | 5
5 чётных чисел | 5
5 положительных корней | 5
5 numeri negativi | 5
5个正整数 | 5
5个西瓜 | 5
5种不同的方法 | 5
5 км к северу | 5000 м на север
5 прибыли | 5 прибыль
Rs. 500/- only | 500
Rs 500/- and Rs 300/- | 500, 300
\\(500/-\\) | 500
1/-√2 | -\\frac1{\\sqrt2}
2/-√3 | -2/√3
x=4/-√2 | x=-4/√2
5/-{2} | -5/2
1/-|x| | -1/|x|
1/- √2 | -1/√2
1/-∞ | 0
I = 3\\,\\mathrm{A} | I = 3 A
5 a day | 5
2 positive roots | 2 positive
2 negative numbers | 2 negative
3 positive roots, 2 negative roots | 3 positive and 2 negative
5 odd numbers | 5 odd
5 чётных чисел | 5 чётных
one third votes | 1/3
one tenth apples | 1/10
one fifth students | 1/5
3 fifth apples | 3/5
2 fifth parts | 2/5
1 third candies | 1/3
5 fifth roots | 5
3 third places | 3
"""
DIFFERENT = """
60 km/h | 60 m/s
60 km per hour | 60 miles per hour
60 words per minute | 60 words per hour
5 dollars per hour | 5 dollars
2 acres | 1 hectare
5 kg | 5 lbs
5 °C | 5 °F
5 N | 5 J
9.8 m/s^2 | 9.8 m/s
5 million | 5
5 | 5 million
5 billion | 5 million
5 dozen | 5
3 halves | 3
5 squared | 5
5 factorial | 5
5 tens | 5
5 | 5 tens
5 dozen | 5 pairs
$5 | 5 cents
$5 | €5
£5 | €5
5 euros | $5
-$5 | $5
5% | 5 ppm
5 basis points | 5%
5\\text{ is wrong} | 5
5\\text{ or six} | 5
5 or more | 5
at least 5 | 5
5 or more | 5 or less
not 5 | 5
\\text{not: } 5 | 5
negative 5 | 5
5 times as many | 5
5 out of six | 5
5 remainder 2 | 5
5 remainder 2 | 5 remainder 3
5 AM | 5 PM
5 hours early | 5 hours late
5 halfs | 5
1:30 pm | 1:30 a.m.
5 big red round wooden balls | 5
5 cm | 5 apples
12 oranges | 12 apples
12 red balls | 12 blue balls
5 students | 5 people
5 cars | 5 cards
5 cm wide | 5 cm long
5 яблок | 5 груш
5 mele | 5 pere
5个苹果 | 5个橘子
five apples | 5 oranges
5 Nm | 5 nm
5‰ | 5
5 ppm | 5
5 basis points | 5
41\\text{k} | 41
41\\text{x} | 41
41\\text{B} | 41
noon | 12:00 am
midnight | noon
increase of 5% | 5% decrease
increase of 5% | 5%
5 a of the a of the a of the | 5
5m | 5
2nm | 2
5 ab | 5
3 x | 3
5 ft 3 in | 5 ft
5万 | 5
5亿 | 5万
5 тыс. | 5
5 milioni | 5 miliardi
5 不对 | 5
5 неверно | 5
5 è sbagliato | 5
5千米 | 5000
5千克 | 5000
5千人 | 5
5\\,\\mathrm{V} | 5\\,\\mathrm{A}
5\\,\\mathrm{x} | 5
2x\\mathrm{V} | 2x
Rs 500 | $500
5/-3 | 5
12 fifth graders | 12 sixth graders
5 positive | 5
5 negative | 5
5 red positive balls | 5
5 negative integers | 5 positive integers
5 odd numbers | 5 even numbers
5 чётных чисел | 5 нечётных чисел
5个正整数 | 5个负整数
5\\text{ неправильный ответ} | 5
5\\text{ risposta sbagliata} | 5
5\\text{ рублей убытка} | 5
5\\text{ euro di perdite} | 5 euro
5 км к северу | 5 км
5 км на юге | 5 км к северу
5 不正确 | 5
1/-√2 | 1
1/-√2 | \\frac1{\\sqrt2}
5/-{2} | 5
1/-|x| | 1
K=3\\,\\mathrm{m} | 3a
6\\mathrm{V} | \\sqrt{36}a
-7\\mathrm{V} | -7a
\\frac72\\mathrm{V} | \\frac72 a
3\\text{ m} | 3a
7\\mathrm{V} | 7\\textit{a}
2 positive roots | 2 negative
2 positive roots | 3 positive
5 odd numbers | 5 even
3 positive roots, 2 negative roots | 3 negative and 2 positive
one third votes | 1
3 fifth apples | 3
5 fifth roots | 1
"""
LABELLED = """
Answer: 5 | 5
Total: 5 | 5
Profit: 5 | 5
Loss: 5 | 5 loss
Loss: 5 loss | 5 loss
Loss: $5 | 500 cents loss
North: 5 km | 5000 m north
The total profit after one year: 5 | Profit: 5
Boys: 5, girls: 6 | girls: 6, boys: 5
Boys: 5, girls: 6 | 5, 6
Maximum: x = 5 | 5
Right answer: 5 | 5 left
Убыток: 5 | 5 убытка
"""
OTHERWISE_LABELLED = """
Loss: 5 | Profit: 5
Loss: 5 | 5 profit
Decrease: 5% | Increase: 5%
South: 5 km | North: 5 km
\\text{Loss: } 5 | \\text{Profit: } 5
Minimum: 5 | Maximum: 5
Left: 5 | Right: 5
Boys: 5, girls: 6 | boys: 6, girls: 5
损失：5 | 利润：5
Убыток: 5 | Прибыль: 5
Perdita: 5 | Profitto: 5
The loss is $5$ | Profit: 5
"""
UPRIGHT = "AVWKCTFHM"


def rows(table: str) -> list[tuple[str, str]]:
    return [(a, b) for a, b in (line.split(" | ") for line in table.strip().splitlines())]


@pytest.mark.parametrize(("a", "b"), rows(SAME))
def test_the_same_amount(a: str, b: str) -> None:
    assert decide(a, b).same, decide(a, b)
    if "." not in b:  # a decimal reference is met by rounding, a decimal answer is not
        assert decide(b, a).same, decide(b, a)


@pytest.mark.parametrize(("a", "b"), rows(DIFFERENT))
def test_another_amount(a: str, b: str) -> None:
    assert not decide(a, b).same
    assert not decide(b, a).same


@pytest.mark.parametrize(("a", "b"), rows(LABELLED))
def test_a_label_says_what_its_words_would_behind_the_value(a: str, b: str) -> None:
    assert decide(a, b).same, decide(a, b)
    assert decide(b, a).same, decide(b, a)


@pytest.mark.parametrize(("a", "b"), rows(OTHERWISE_LABELLED))
def test_opposite_labels_are_other_answers(a: str, b: str) -> None:
    assert not decide(a, b).same
    assert not decide(b, a).same


@pytest.mark.parametrize("letter", UPRIGHT)
def test_an_upright_letter_behind_a_value_is_its_unit(letter: str) -> None:
    upright = f"12\\,\\mathrm{{{letter}}}"
    assert decide(upright, "12").same
    assert decide("12", upright).same
    assert decide(upright, f"12\\text{{ {letter}}}").same
    assert decide(f"2\\mathrm{{{letter}}}+1", f"1+2{letter}").same
    assert not decide(upright, "13").same
    for variable in "abxyn":
        assert not decide(upright, f"12{variable}").same
        assert not decide(upright, f"12 {variable}").same


@pytest.mark.parametrize("word", sorted(MEANINGS))
def test_every_form_of_a_word_counts(word: str) -> None:
    assert not decide(f"5\\text{{ км {word}}}", "5 км").same
    assert decide(f"5\\text{{ км {word}}}", f"5000\\text{{ м {MEANINGS[word]}}}").same


POWERS = frozenset(("squared", "cubed", "factorial", "quadrato", "cubo"))
JOINERS = frozenset(("and", "or", "oppure", "и", "или", "和", "或", "或者"))
ADJECTIVES = frozenset(("right", "odd", "even", "inside", "outside"))


@pytest.mark.parametrize("word", sorted(STRONG.keys() - POWERS))
def test_a_word_that_changes_the_meaning_is_never_left_out(word: str) -> None:
    answers = [f"5\\text{{ red {word} balls}}"] * (word not in ADJECTIVES)
    answers += [f"5\\text{{ {word}}}", f"5\\text{{ km {word}}}"] * (word not in JOINERS)
    for answer in answers:
        assert not decide(answer, "5").same, answer
        assert not decide("5", answer).same, answer


@pytest.mark.parametrize("words", [STRONG, WEAK])
def test_two_such_words_have_to_mean_the_same(words: dict[str, str]) -> None:
    plain = {meaning: word for word, meaning in words.items()
             if word.isalpha() and word not in POWERS | JOINERS | {"am", "pm"}}  # fmt: skip
    meanings = sorted(plain.items())
    for (meaning, word), (other, opposite) in pairwise(meanings):
        assert meaning != other
        assert not decide(f"5\\text{{ km {word}}}", f"5\\text{{ km {opposite}}}").same
        assert decide(f"5\\text{{ km {word}}}", f"5000\\text{{ m {word}}}").same, word


@given(st.sampled_from(sorted(UNITS)), st.integers(1, 10**6))
def test_every_unit_is_read_and_is_itself(name: str, amount: int) -> None:
    assert units_of(tuple(pieces(name))) or name in {"deg", "degK"} or len(pieces(name)) != 1
    text = f"{amount}\\text{{ {name}}}"
    assert decide(text, text).same
    assert not decide(text, f"{amount + 1}\\text{{ {name}}}").same


@given(st.sampled_from(["km", "mile", "foot", "inch", "m"]), st.sampled_from(["h", "min", "s"]),
       st.integers(1, 1000))  # fmt: skip
def test_compound_units_convert_exactly(length: str, time: str, amount: int) -> None:
    (one,), (second,) = units_of((length,)), units_of((time,))
    assert units_of((length, "/", time)) == (
        Unit((("length", 1), ("time", -1)), one.factor / second.factor),
    )
    converted = Fraction(amount) * one.factor / second.factor
    gold = f"\\frac{{{converted.numerator}}}{{{converted.denominator}}}\\text{{ m/s}}"
    assert decide(f"{amount}\\text{{ {length}/{time}}}", gold).same
    assert not decide(f"{amount + 1}\\text{{ {length}}}/\\text{{{time}}}", gold).same


def test_a_denial_behind_many_words_counts() -> None:
    for filler in (" ", " a", " the", " km", "\\ ", " of"):
        for count in (1, 10, 100, 600):
            assert not decide(f"5\\text{{ apples{filler * count} is wrong}}", "5").same
            assert not decide(f"5\\text{{ km{filler * count} is wrong}}", "5 km").same


@given(st.text(alphabet="km/h·^-23 ()每年million个°C%$", max_size=40))
def test_any_unit_is_decided(text: str) -> None:
    assert decide(f"5\\text{{ {text}}}", "5").same in {True, False, None}
