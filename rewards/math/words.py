"""Words beside a value that change what is said: in English, Chinese, Russian and Italian.

A plain word (`apples`) says nothing about a value and may be left out. A word that is listed here
negates, joins, compares, operates, signs or directs: an answer that has one says the same only as
an answer that has it too. A line is one meaning, its first word
the name of it; an indented line goes on with the one before.
"""

import re
from collections.abc import Iterable, Sequence

from rewards.math.inflections import MEANINGS
from rewards.math.vocabulary import NUMBER_WORDS, SAYING_NOTHING

PLAIN_LIMIT = 3  # words beside a value that may be left out
_MEANINGS = """
not no non nope isn't isnt aren't arent wasn't doesn't never neither nor none n't cannot
  can't 不 不是 非 не нет ни
wrong incorrect false mistaken error invalid untrue 错 错误 неверно неправильно неверный
  sbagliato errato falso
without except excluding excludes excluded unless but instead 除了 除外 без кроме senza tranne
  eccetto
and plus и e ed 和 与 及
or either или o oppure 或 或者
is are was were means equals 是
if when where while assuming provided 如果 если когда se quando
maybe perhaps possibly probably guess unknown unclear 可能 возможно forse
more greater larger bigger exceeding 更多 多 больше более più maggiore
less fewer smaller 更少 少 меньше менее meno minore
higher taller 更高 выше
lower shorter 更低 ниже
above over beyond 以上 超过 свыше oltre sopra
below under beneath 以下 不足 sotto
least 至少 almeno
minimum минимум minimo
most 至多 最多
maximum максимум massimo
almost nearly 几乎 почти quasi
between within
older elder
younger
faster quicker 更快 быстрее
slower 更慢 медленнее
earlier early sooner before 之前 раньше до prima
later late after since 之后 позже после dopo
ago 以前 назад fa
heavier
lighter
warmer hotter
colder cooler
twice double doubled doubles вдвое doppio
triple tripled thrice втрое triplo
squared quadrato
cubed cubo
factorial факториал 阶乘 fattoriale
remainder rem остаток 余 余数 resto
modulo mod 模
divided multiplied minus added subtracted
root power exponent choose
negative отрицательный 负 negativo
positive положительный 正 positivo
profit profits gain gains surplus 盈利 利润 прибыль profitto guadagno
loss losses lost deficit 亏损 损失 убыток perdita
increase increases increased increasing rise rises growth 增加 增长 上升 рост увеличение
  aumento
decrease decreases decreased decreasing drop decline reduction fall 减少 下降 снижение
  уменьшение diminuzione
debit debt
north northward northwards 北 北方 север севернее nord
south southward southwards 南 南方 юг южнее sud
east eastward eastwards 东 东方 восток восточнее est
west westward westwards 西 西方 запад западнее ovest
northeast
northwest
southeast
southwest
up upward upwards 向上 вверх su
down downward downwards 向下 вниз giù
forward forwards 向前 вперёд вперед avanti
backward backwards back 向后 indietro
clockwise 顺时针
counterclockwise anticlockwise 逆时针
inward inwards inside
outward outwards outside
ahead
behind
bc bce
ad ce
odd нечётный dispari
even чётный pari
inclusive
exclusive
"""
_WEAK = """
left влево налево 左 sinistra
right вправо направо 右 destra
am
pm
credit
deposit deposits
withdrawal withdrawals
pair pairs couple couples
triplet triplets triples
win wins won
lose loses
asset assets
liability liabilities
male males boys men boy man мальчиков 男
female females girls women girl woman девочек 女
yesterday
tomorrow
first
last
old
young
"""
"""These say nothing beside a bare value (`5 apples left`), but must agree where both have one."""
_DENYING = frozenset(
    ("not", "wrong", "without", "or", "maybe", "least", "most", "almost", "between", "twice")
)
_OPPOSED = tuple(
    frozenset(line.split())
    for line in (
        "more less", "higher lower", "above below", "minimum maximum", "older younger",
        "old young", "faster slower", "earlier later", "heavier lighter", "warmer colder",
        "negative positive", "profit loss", "win loss", "win lose", "increase decrease",
        "debit credit", "deposit withdrawal",
        "north south east west northeast northwest southeast southwest", "up down",
        "forward backward", "clockwise counterclockwise", "inward outward", "ahead behind",
        "bc ad", "odd even", "inclusive exclusive", "left right", "asset liability", "male female",
        "yesterday tomorrow", "first last",
    )
)  # fmt: skip
"""Meanings of which one rules out the others."""
_ANSWERS = frozenset(("answer", "correct", "right", "solution", "result"))
_THAN = frozenset(("than", "чем"))
_FILLING = _ANSWERS | {"is", "the", "final"}
_PLURALS = {"men": "man", "women": "woman", "children": "child", "feet": "foot", "teeth": "tooth",
            "mice": "mouse", "geese": "goose", "oxen": "ox", "people": "person", "dice": "die",
            "vertices": "vertex", "indices": "index", "matrices": "matrix", "radii": "radius",
            "loci": "locus", "knives": "knife", "lives": "life", "leaves": "leaf",
            "halves": "half", "loaves": "loaf", "shelves": "shelf", "wolves": "wolf",
            "pence": "penny"}  # fmt: skip
_COUNTING = "个個只隻条條名位张張次件种種本辆支枝颗棵"
"""What Chinese counts with says nothing beside a noun."""
ENDING_LIMIT = 2  # letters by which the cases of a Russian or an Italian noun differ
_ADJECTIVES = frozenset(("right", "odd", "even", "inside", "outside"))
"""These describe whatever noun follows: `5 odd pages`."""
_QUALITIES = frozenset(("positive", "negative", "odd", "even"))
_SIGNED = """
integer integers number numbers value values root roots solution solutions divisor divisors factor
factors term terms zero zeros zeroes real reals rational rationals digit digits coefficient
coefficients eigenvalue eigenvalues multiple multiples
число числа чисел корень корня корней решение решения решений значение значения значений делитель
делителя делителей
numero numeri intero interi radice radici soluzione soluzioni valore valori divisore divisori
"""
"""What has a sign: `5 positive integers` are five, `5 positive` is a sign."""
_CJK = re.compile("[\u4e00-\u9fff]")
_CJK_PLAIN = re.compile(
    "不同|不等式|西瓜|西红柿|南瓜|东西|[北南东]京|西安|多[边面项]|剩余|其余|正确|正(?=[方多三四五六八十弦切])"
    "|非?[正负](?=[奇偶质素实整有理]{0,4}[数根解值因约项])"
)
"""Words in which a mark below is a syllable, or describes the noun that follows."""


def _index(text: str) -> dict[str, str]:
    lines = (line.split() for line in text.replace("\n  ", " ").split("\n") if line.strip())
    return {word: line[0] for line in lines for word in line}


_SIGNED_NOUNS = frozenset(_SIGNED.split())
STRONG, WEAK = MEANINGS | _index(_MEANINGS), _index(_WEAK)
_CJK_STRONG = sorted((w for w in STRONG if _CJK.match(w)), key=len, reverse=True)
_SCALED = frozenset(word for word in NUMBER_WORDS if word not in {"one"})
_JOINED_UP = {"в квадрате": "squared", "out of": "divided"}


def strong_marks(words: Iterable[str]) -> frozenset[str]:
    """The meanings among `words` that may not be left out."""
    lowered = [word.lower().replace("’", "'") for word in words]
    if _FILLING.issuperset(lowered) and _ANSWERS.intersection(lowered):
        return frozenset()
    found: set[str] = set()
    for i, word in enumerate(lowered):
        if (meaning := _meaning(word)) is not None and not _describes(lowered, i):
            found.add(meaning)
        if " ".join(lowered[i : i + 2]) in _JOINED_UP:
            found.add(_JOINED_UP[" ".join(lowered[i : i + 2])])
        if word == "times" and i + 1 < len(lowered):
            found.add("times")
    return frozenset(found)


def _meaning(word: str) -> str | None:
    if word in STRONG:
        return STRONG[word]
    if word in _SCALED or word == "?":
        return word
    if _CJK.match(word):
        plain = _CJK_PLAIN.sub("", word)
        return next((STRONG[known] for known in _CJK_STRONG if known in plain), None)
    return None


def _describes(words: Sequence[str], at: int) -> bool:
    """Whether a word tells what was counted: `odd pages`, `positive integers`."""
    if words[at] in _ADJECTIVES:
        return at + 1 < len(words)
    return STRONG.get(words[at]) in _QUALITIES and not _SIGNED_NOUNS.isdisjoint(words)


def weak_marks(words: Iterable[str]) -> frozenset[str]:
    """The meanings among `words` that have to agree where both sides have one."""
    lowered = [word.lower() for word in words]
    described = (STRONG[word] for i, word in enumerate(lowered)
                 if word in STRONG and _describes(lowered, i))  # fmt: skip
    return frozenset(WEAK[word] for word in lowered if word in WEAK).union(described)


def same_nouns(mine: Sequence[str], gold: Sequence[str]) -> bool:
    """Whether plain words name the same: `red ball` = `balls`; `oranges` /= `apples`.

    One side may say more than the other, or nothing. Forms of one word are the same.
    """
    few, many = sorted((_said(mine), _said(gold)), key=len)
    return all(any(_same_noun(one, other) for other in many) for one in few)


def _said(words: Sequence[str]) -> list[str]:
    return [word for word in map(str.lower, words) if word not in SAYING_NOTHING]


def _same_noun(a: str, b: str) -> bool:
    if _CJK.match(a) and _CJK.match(b):
        first, second = (word.lstrip(_COUNTING) for word in (a, b))
        return first in b or second in a
    if _forms(a) & _forms(b):
        return True
    common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y),
                  min(len(a), len(b)))  # fmt: skip
    inflected = not (a.isascii() and b.isascii()) or {a[-1], b[-1]} <= set("aeio")
    return inflected and common > 2 and max(len(a), len(b)) - common <= ENDING_LIMIT


def _forms(word: str) -> set[str]:
    """The word, and what it may be the plural of."""
    found = {word, _PLURALS.get(word, word), word.removesuffix("s").removesuffix("'")}
    if word.endswith("ies"):
        found.add(word[:-3] + "y")
    if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        found.add(word[:-2])
    return found


def may_label(words: Iterable[str]) -> bool:
    """Whether words in front of a value may name it: `Total`, `profit`; not `not`, `more than`."""
    lowered = [word.lower() for word in words]
    return not (strong_marks(lowered) & _DENYING or _THAN.intersection(lowered))


def label_marks(words: Iterable[str]) -> frozenset[str]:
    """The meanings among the words of a label that have an opposite: `Loss:`, `Boys:`, `North:`."""
    lowered = [word.lower() for word in words]
    marks = strong_marks(lowered) | weak_marks(lowered)
    if _ANSWERS.intersection(lowered[1:]):  # `Right answer:`
        marks -= _ANSWERS
    return marks & frozenset().union(*_OPPOSED)


def opposed(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether two sets of meanings rule each other out: a loss is no profit, nor is one of both."""
    return any(a & group and b & group and a & group != b & group for group in _OPPOSED)
