"""Overlap with evaluation sets: found however it is set, named, and no turn of phrase is one."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.contamination.building import COMMON, build_index, index_of
from data.contamination.evaluations import EvaluationSet
from data.contamination.grams import gram_hashes, hashed
from data.contamination.index import Index
from data.contamination.stage import Contamination
from data.contamination.words import words_of
from data.errors import DataError, RowError, SourceError
from data.files import Row
from data.plain_text import plain
from data.schema import Record
from tests.retyped import retyped

NAMES = ["Anna", "Boris", "Chen", "Dario", "Elif", "Farid", "Goran", "Hana", "Igor", "Jun"]
THINGS = ["apples", "coins", "tickets", "marbles", "stamps", "pencils", "cards", "shells"]
RUSSIAN = ["яблок", "монет", "билетов", "марок", "карандашей", "открыток", "ракушек"]
CHINESE = ["苹果", "硬币", "车票", "弹珠", "邮票", "铅笔", "卡片", "贝壳"]


def question(draw: random.Random) -> str:
    """A question of many words, in one of four languages, with LaTeX in it."""
    a, b, c = (draw.randint(2, 9999) for _ in range(3))
    name, other = draw.sample(NAMES, 2)
    thing, kind = draw.choice(THINGS), draw.randrange(5)
    if kind == 0:
        return (
            f"{name} has {a} {thing}, gives $\\frac{{{b}}}{{{c}}}$ of them to {other}, and then "
            f"buys {c:,} more. How many {thing} does {name} have if $x \\leq {a}$ of them are lost?"
        )
    if kind == 1:
        return (
            f"Let $f(x) = x^2 + {a}x - {b}$. If the roots of $f(x) = {c}$ are $r$ and $s$, find "
            f"the value of $r^2 \\cdot s - \\sqrt{{{a}}} \\times {b}$ in simplest form."
        )
    if kind == 2:
        return (
            f"У {name} было {a} {draw.choice(RUSSIAN)}, и $\\frac{{{b}}}{{{c}}}$ из них она отдала "
            f"{other}. Сколько {draw.choice(RUSSIAN)} осталось через {c} дней?"
        )
    if kind == 3:
        first, second = draw.sample(CHINESE, 2)
        return f"小明有{a}个{first}，给了小红{b}个{second}，剩下的每{c}个装一袋，求袋数。"
    return (
        f"{name} compra {a} libri a {b} euro l'uno e ne rivende $\\frac{{{b}}}{{{c}}}$ a {other}. "
        f"Quanti euro di guadagno ha {name} dopo {c} giorni?"
    )


def questions(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [question(draw) for _ in range(count)]


def index(*texts: str) -> Index:
    return index_of(("set", f"row {at}", text) for at, text in enumerate(texts))


def test_planted_rows_are_all_found_however_they_are_set() -> None:
    evaluated, draw = questions(300, 1), random.Random(2)
    found = index(*evaluated)
    planted = [retyped(text, draw) for text in evaluated]
    hits = found.hits(planted)
    assert [hit and hit.row for hit in hits] == [f"row {at}" for at in range(300)]
    within = [f"Solve this.\n{text}\nThink step by step." for text in planted]
    assert all(hit is not None for hit in found.hits(within))


def test_other_rows_are_not() -> None:
    found = index(*questions(1000, 1))
    hits = [hit for hit in found.hits(questions(4000, 3)) if hit is not None]
    assert len(hits) <= 4  # below 0.1 %


def test_a_hit_names_set_row_and_words() -> None:
    text = "A very long question about the seven wise wizards of Wales who waited for winter"
    (hit,) = index_of([("wales", "row 9", text)]).hits([text.upper()])
    assert hit is not None
    assert (hit.evaluation, hit.row, hit.share) == ("wales", "row 9", 1.0)
    assert hit.gram in text.lower()


@pytest.mark.parametrize(
    ("evaluated", "trained", "is_hit"),
    [
        # fewer than 8 words: the whole text
        ("What is $2+3$?", "what is \\(2 + 3\\)", True),
        ("What is $2+3$?", "What is $2-3$?", False),
        ("What is $2+3$?", "What is $2+3$ times five hundred?", False),
        ("Compute $\\dfrac{1}{2}+x^{2}$.", "COMPUTE $\\frac12 + x²$", True),
        # 8 to 12 words: all 8-grams
        (
            "How many prime numbers are there between 30 and 50?",
            "Tell me: how many prime numbers are there between 30 and 50?",
            True,
        ),
        (
            "How many prime numbers are there between 30 and 50?",
            "How many prime numbers are there between 30 and 70?",
            False,
        ),
        # scripts without spaces are cut into characters
        (
            "求一个正整数等于它各位数字之和的三倍",
            "题目：求一个正整数等于它各位数字之和的三倍。请作答",
            True,
        ),
        ("求一个正整数等于它各位数字之和的三倍", "求一个负整数等于它各位数字之积的五倍", False),
        (
            "次の方程式を満たす整数の組をすべて求めよ",
            "次の方程式を満たす整数の組をすべて求めよ。",
            True,
        ),
    ],
)
def test_short_rows(evaluated: str, trained: str, is_hit: bool) -> None:
    (hit,) = index(evaluated).hits([trained])
    assert (hit is not None) is is_hit


def test_a_phrase_alone_is_no_hit_unless_it_is_asked() -> None:
    phrase = "find the number of ordered pairs of positive integers a b such that"
    evaluated = f"{phrase} a plus b is a perfect square and a minus b is the cube of some prime"
    trained = f"{phrase} their product divides the sum of all divisors of nine hundred"
    assert index(evaluated).hits([trained]) == [None]
    (hit,) = index(evaluated).hits([trained], overlap=0)
    assert hit is not None
    assert hit.gram == phrase


def test_what_many_rows_say_does_not_count_where_there_is_more() -> None:
    frame = (
        "Solve the following problem step by step and put your final answer within a box at the end"
    )
    tasks = [f"{frame}: {text}" for text in questions(COMMON + 2, 5)]
    assert index(*tasks).hits([f"{frame}: {text}" for text in questions(20, 6)]) == [None] * 20
    assert all(index(*tasks).hits(tasks))


def test_a_figure_is_no_evidence() -> None:
    figure = (
        "[asy] draw((0,0)--(1,0)--(1,1)--cycle); label('A', (0,0), S); label('B', (1,0), N); [/asy]"
    )
    evaluated = (
        f"In the figure the two legs are equal. What is the area of the square on top? {figure}"
    )
    trained = f"Each circle touches two others; how long is the way between their centres? {figure}"
    assert index(evaluated).hits([trained]) == [None]
    assert all(index(evaluated).hits([evaluated, evaluated.partition("[asy]")[0]]))


@given(st.lists(st.text("ab1 2é求ก,\nfracover"), max_size=8))
def test_hashes_of_a_block_are_those_of_each_word(texts: list[str]) -> None:
    said = [plain(text) for text in texts]
    expected = [(word, at) for at, one in enumerate(said) for word in words_of(one)]
    hashes, owners = hashed(said)
    assert owners.tolist() == [at for _, at in expected]
    alone = {word: hashed([f"1 {word}"])[0].tolist()[1] for word, _ in expected}
    assert hashes.tolist() == [alone[word] for word, _ in expected]
    assert len({*alone.values()}) == len(alone)
    for width in (2, 3):
        grams = [
            tuple(expected[at : at + width])
            for at in range(len(expected) - width + 1)
            if expected[at][1] == expected[at + width - 1][1]
        ]
        found = [one for one in gram_hashes(hashes, owners, width).tolist() if one]
        assert len(found) == len(grams)
        words = [tuple(word for word, _ in gram) for gram in grams]
        assert len({*zip(found, words, strict=True)}) == len({*found}) == len({*words})


def test_words_of_scripts() -> None:
    assert words_of(plain("Don't add 3x and $\\frac{1}{2}$")) == [
        "don",
        "t",
        "add",
        "3",
        "x",
        "and",
        "1",
        "2",
    ]
    assert words_of(plain("求x的值")) == ["求", "x", "的", "值"]
    assert words_of(plain("Ёжик съел 5 яблок")) == ["ёжик", "съел", "5", "яблок"]
    assert words_of(plain("perché l'età è")) == ["perché", "l", "età", "è"]
    assert words_of(plain("हिन्दी में")) == ["हिन्दी", "में"]


def test_files_of_public_formats_and_the_stage(tmp_path: Path) -> None:
    grade = tmp_path / "grade.jsonl"
    texts = questions(30, 8)
    grade.write_text("\n".join(json.dumps({"question": t, "answer": "so\n#### 3"}) for t in texts))
    sets = [EvaluationSet.parse(f"grade={grade}"), EvaluationSet.parse(f"again=gsm8k:{grade}")]
    path = tmp_path / "index.npz"
    sha256 = build_index(sets, path)
    assert build_index(sets, tmp_path / "other.npz") == sha256

    clean = questions(5, 9)
    records = [
        Record(messages=({"role": "user", "content": text},), task="math", reference="3")
        for text in [clean[0], texts[3].upper(), *clean[1:], texts[7]]
    ]
    outcome = Contamination(str(path), sha256)(records)
    assert [record.request() for record in outcome.kept] == clean
    assert [(drop.reason, drop.stage) for drop in outcome.dropped] == [
        ("in grade", "contamination")
    ] * 2
    assert '"' in outcome.dropped[0].detail


def test_what_is_wrong_with_evaluation_sets(tmp_path: Path) -> None:
    for text in ("", "=x", "name=", "file.jsonl"):
        with pytest.raises(SourceError, match="NAME=FILE"):
            EvaluationSet.parse(text)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"question": "a", "answer": "#### 1"}\n{"question": 3}\n')
    with pytest.raises(RowError, match="line 2"):
        build_index([EvaluationSet.parse(f"x=gsm8k:{broken}")], tmp_path / "i.npz")
    with pytest.raises(SourceError, match="two evaluation sets are named x"):
        build_index([EvaluationSet("x", "a"), EvaluationSet("x", "b")], tmp_path / "i.npz")
    (tmp_path / "no.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="no index"):
        Index.load(tmp_path / "no.npz")


def test_splits_and_formats_are_read() -> None:
    assert EvaluationSet.parse("m=math:org/set@validation") == EvaluationSet(
        "m", "org/set", "math", "validation"
    )
    assert EvaluationSet.parse("m=org/set").split == "test"
    assert EvaluationSet.parse("m=org/set@main/validation") == EvaluationSet(
        "m", "org/set", split="validation", configuration="main"
    )


def test_one_configuration_of_a_data_set_of_the_hub_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def rows(source: str, *, split: str | None, name: str | None, **_: object) -> Iterator[Row]:
        asked.append((source, split, name))
        yield Row(1, "row 1", {"question": "How many?", "answer": "So many.\n#### 4"})

    monkeypatch.setattr("data.formats.opening.hub_rows", rows)
    found = list(EvaluationSet.parse("m=gsm8k:openai/gsm8k@main/test").rows())
    assert asked == [("openai/gsm8k", "test", "main")]
    assert [text for _, text in found] == ["How many?"]
