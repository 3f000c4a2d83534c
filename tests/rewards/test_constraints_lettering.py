"""What only looks like a letter hides no word; typographic quotes are quotes; short texts are not
held to a guess of their language."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.constraints import check, constraints_of
from rewards.constraints.lettering import plain_quotes, readings, revealed

LOOKS = {
    "a": "аα\uff41\U0001d41aⓐɑ", "e": "еε\uff45\U0001d41e", "o": "оοօ\uff4fº", "i": "іιı\uff49",
    "n": "ո\uff4e\U0001d427", "d": "ԁ\uff44", "p": "рρ\uff50", "s": "ѕ\uff53ſ", "c": "сϲ\uff43",
    "r": "г\uff52", "t": "т\uff54", "h": "һհ\uff48", "y": "уү\uff59",
}  # fmt: skip
UNSEEN = [
    "",
    "",
    "",
    "\u200b",
    "\u200c",
    "\u200d",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\ufe0f",
    "\u0336",
]
WORDS = ["onion", "pepper", "chicory", "carrots", "phantasy", "Indian"]


def follows(id: str, response: str, prompt: str = "", **parameters: Any) -> bool:
    (result,) = check(response, constraints_of([{"id": id, **parameters}]), prompt=prompt)
    return result.followed


@given(st.sampled_from(WORDS), st.data())
def test_a_word_in_disguise_is_the_word(word: str, data: st.DataObject) -> None:
    letters = [data.draw(st.sampled_from([one, *LOOKS.get(one, "")])) for one in word]
    posing = "".join(one + data.draw(st.sampled_from(UNSEEN)) for one in letters)
    text = f"Today we cook with {posing} and nothing else at all."
    assert not follows("keywords:forbidden_words", text, forbidden_words=["x", word])
    bound = {"keyword": word, "frequency": 1, "relation": "less than"}
    assert not follows("keywords:frequency", text, **bound)


def test_a_letter_in_disguise_is_the_letter() -> None:
    bound = {"letter": "o", "let_frequency": 2, "let_relation": "less than"}
    assert follows("keywords:letter_frequency", "One and", **bound)
    assert not follows("keywords:letter_frequency", "One twо", **bound)  # the second is Cyrillic
    assert follows(
        "keywords:letter_frequency", "twо", letter="о", let_frequency=1, let_relation="at least"
    )


CONFUSABLE = {  # of Unicode Technical Standard 39, by script
    "o": "\u2c9f\u10ff\u1d11\u12d0\u2d54\u05e1\u0647\u0966\u0b20\u0e50\u101d\U0001042c\U000118c8",
    "n": "\u057c\u0578", "i": "\u13a5\u2c93", "e": "\u04bd\uab32", "c": "\u2ca5\uabaf\U0001043d",
    "p": "\u2ca3\u03c1", "I": "\u2c92\u0627",
    "l": "\u05d5\u05df\u0627\u0661\u16c1\u01c0\u04c0\u0406\ua4f2\u2d4f\U00016f28",
    "b": "\u042c\u13cf\u1472", "s": "\uabaa\U00010448\u01bd", "u": "\u057d\uab4e\U000118d8",
    "x": "\u0445\u157d", "v": "\u05d8\uaba9", "w": "\u0561\uab83", "y": "\u10e7\uab5a",
    "A": "\u15c5\U00016f40", "K": "\u2c94\u16d5", "T": "\u2ca6\U00010297", "H": "\u157c\u2c8e",
}  # fmt: skip


@pytest.mark.parametrize("letter", CONFUSABLE)
def test_no_letter_that_looks_like_another_dodges(letter: str) -> None:
    for posing in CONFUSABLE[letter]:
        for before, after in (("fa", "ma"), ("", "ama"), ("ma", "")):
            word, written = (f"{before}{one}{after}" for one in (letter, posing))
            text = f"Today we cook with {written} and nothing else."
            assert not follows("keywords:forbidden_words", text, forbidden_words=[word]), written
            bound = {"keyword": word, "frequency": 1, "relation": "less than"}
            assert not follows("keywords:frequency", text, **bound), written


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("heIlo", "hello"), ("heIIo", "hello"), ("hel1o", "hello"), ("he11o", "hello"),
        ("he|lo", "hello"), ("hell\u0435r", "heller"), ("c0lor", "color"), ("0nion", "onion"),
        ("on1on", "onion"), ("on10n", "onion"), ("1ove", "love"), ("hotelI", "hotell"),
        ("fu\u2c92l", "full"), ("h\u0435Ilo", "hello"), ("H0TEL", "hotel"), ("B0OK", "book"),
    ],
)  # fmt: skip
def test_signs_that_look_like_letters_are_letters_within_a_word(written: str, word: str) -> None:
    text = f"We say {written} and go."
    assert not follows("keywords:forbidden_words", text, forbidden_words=["x", word])
    bound = {"keyword": word, "frequency": 1, "relation": "less than"}
    assert not follows("keywords:frequency", text, **bound)


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("Part III and Henry VIII", ["ill", "lll", "vill"]),
        ("Ice, Ink, Imp, Ions and Ids", ["lice", "link", "limp", "lions", "lds"]),
        ("In 10 of 101 cases, the 1st and the 10th", ["lo", "lol", "lst", "loth", "io"]),
        ("Vitamin B1, B12, H2O, CO2, mp3 and R0", ["bl", "co", "ro"]),
        ("Al is his name", ["AI"]), ("AI is near", ["Al"]),
        ("It is 1 l or 0 l", ["ll", "ol"]),
        ("So: mode1 and step0", ["model", "stepo"]),
        ("\u05e1\u05d5\u05e1 is a horse in Hebrew", ["olo"]),
        ("\u0627\u0647 is said in Arabic, and \u0967\u0966\u0966 is a hundred", ["io", "lo", "oo"]),
        ("\u2c81\u2c9b\u2c9f\u2c95 \u2ca1\u2c89", ["anok"]),
        ("A \u2229 B and A \u222a B", ["aub"]),
    ],
)  # fmt: skip
def test_honest_signs_are_what_they_are(text: str, forbidden: list[str]) -> None:
    assert follows("keywords:forbidden_words", text, forbidden_words=forbidden)


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("Это сор, рост и нос, а не мусор.", ["cop", "pocT", "hoc"]),
        ("Ελλάδα και νερό είναι το όνομα.", ["vepo", "kai"]),
        ("Un résumé naïf du café.", ["resume", "cafe", "naif"]),
        ("En høst på øen, łódź i đak.", ["host", "oen", "lodz", "dak"]),
        ("onions and peppery", ["onion", "pepper"]),
        ("日本語の文章です", ["a"]),
        ("می‌خواهم", ["x"]),
    ],
)
def test_honest_words_are_not_taken_for_others(text: str, forbidden: list[str]) -> None:
    assert follows("keywords:forbidden_words", text, forbidden_words=forbidden)


def test_a_forbidden_word_of_another_alphabet() -> None:
    for text in ("Это сор.", "Это cор.", "Это с\u200bор.", "Это сoр."):
        assert not follows("keywords:forbidden_words", text, forbidden_words=["сор"])
    assert follows("keywords:forbidden_words", "Это мир.", forbidden_words=["сор"])


def test_posing_letters_are_not_what_was_asked_for() -> None:
    assert not follows("keywords:existence", "оnion", keywords=["onion"])  # a Cyrillic о
    least = {"keyword": "onion", "frequency": 1, "relation": "at least"}
    assert not follows("keywords:frequency", "оnion", **least)


@pytest.mark.parametrize(
    "quoted", ['"a b"', "\u201ca b\u201d", "\u201ea b\u201c", "\u00aba b\u00bb", "\u300ca b\u300d"]
)
def test_typographic_quotes_are_quotes(quoted: str) -> None:
    assert follows("startend:quotation", quoted)
    assert not follows("startend:quotation", f"{quoted} c")
    assert follows("startend:end_checker", f"So: {quoted}", end_phrase="a b")
    paragraph = {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "a"}
    assert follows("length_constraints:nth_paragraph_first_word", quoted, **paragraph)


@pytest.mark.parametrize("written", ["don't", "don\u2019t", "don\u02bct"])
@pytest.mark.parametrize("asked", ["don't", "don\u2019t"])
def test_an_apostrophe_is_one(asked: str, written: str) -> None:
    text = f"We {written} know."
    assert follows("keywords:existence", text, keywords=[asked])
    assert not follows("keywords:forbidden_words", text, forbidden_words=[asked])
    assert follows("keywords:frequency", text, keyword=asked, frequency=1, relation="at least")
    assert follows("startend:end_checker", text, end_phrase=f"{asked} know.")
    assert follows("combination:repeat_prompt", text, prompt=f"We {asked} know.")
    first = {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "we"}
    assert follows("length_constraints:nth_paragraph_first_word", text, **first)


@given(st.text())
def test_revealing_takes_any_text(text: str) -> None:
    assert revealed(text.encode("ascii", "ignore").decode()).isascii()
    assert revealed(revealed(text)) is not None
    assert len(plain_quotes(text)) == len(text)
    assert revealed(text) in readings(text)


GREETINGS = {
    "en": "OK.|My answer is no.|HELLO WORLD|Paris, Oslo, Rome|The train leaves at nine.",
    "de": "Ja.|Nein, danke.|Paris und Rom|GUTEN MORGEN",
    "es": "Sí.|No, gracias.|manera de aprender|hagamos las maletas",
    "pt": "Sim.|fazer as malas hoje",
    "nl": "met verstand",
    "ru": "Да.|Хорошо, спасибо.",
    "uk": "Так.|Добре, дякую.",
    "hi": "हाँ।|नमस्ते",
    "ja": "はい。|東京",
    "zh-cn": "好的。|北京",
    "ko": "네.|안녕하세요",
    "ar": "نعم.",
    "th": "ใช่ครับ",
}


@pytest.mark.parametrize("language", GREETINGS)
def test_a_short_text_is_told_by_its_script_alone(language: str) -> None:
    for text in GREETINGS[language].split("|"):
        assert follows("language:response_language", text, language=language), text
    latin = language in ("en", "de", "es", "pt", "nl")
    other = "Да, спасибо." if latin else "Yes, thank you."
    assert not follows("language:response_language", other, language=language)


def test_english_in_one_case_may_be_short() -> None:
    for text in ("HELLO WORLD", "OK", "PACK YOUR BAGS, THE TRAIN LEAVES AT NINE TONIGHT."):
        assert follows("change_case:english_capital", text)
        assert follows("change_case:english_lowercase", text.lower())
    assert not follows("change_case:english_capital", "ДА, СПАСИБО")
    assert not follows(
        "change_case:english_capital", "ICH DENKE, DASS MAN AM BESTEN KOCHEN LERNT, WENN MAN KOCHT."
    )


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("de", "I think that the best way to learn cooking is to start with simple dishes."),
        ("en", "Ich denke, dass man am besten mit einfachen Gerichten beginnt."),
        ("fr", "The train leaves at nine, so we pack our bags."),
        ("hi", "The train leaves at nine, so we pack."),
        ("es", "Penso che il modo migliore per imparare a cucinare sia cominciare con pochi piatti "
         "semplici e ripeterli, finché non riescono bene."),
        ("uk", "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены "
         "разумом и совестью и должны поступать друг с другом в духе братства."),
    ],
)  # fmt: skip
def test_a_long_text_in_another_language_is_not_followed(asked: str, text: str) -> None:
    assert not follows("language:response_language", text, language=asked)
