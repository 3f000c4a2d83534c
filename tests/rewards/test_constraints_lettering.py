"""What only looks like a letter hides no word; typographic quotes are quotes; short texts are not
held to a guess of their language."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.constraints import check, constraints_of
from rewards.constraints.lettering import plain_quotes, revealed

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
