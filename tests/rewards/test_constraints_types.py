"""Each type of constraint: what follows it and what does not, at its bounds and in its quirks."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from rewards.constraints import CONSTRAINTS, check, constraint, describe

Case = tuple[Mapping[str, Any], str, bool]
LEAST_3 = {"relation": "at least"}
LESS = {"relation": "less than"}
ENGLISH = "the old man walked down to the river and looked at the boats for a long time."
GERMAN = "Der alte Mann ging zum Fluss hinunter und sah sich lange die Boote an."

CASES: dict[str, list[Case]] = {
    "keywords:existence": [
        ({"keywords": ["cat", "Dog"]}, "A CAT and a dog.", True),
        ({"keywords": ["cat", "dog"]}, "A cat.", False),
        ({"keywords": ["art"]}, "A party.", True),  # within a word
        ({"keywords": ["e.g."]}, "Eggs!", True),  # an expression, as in the public checker
        ({"keywords": [":("]}, "Oh :( no.", True),  # no expression: itself
        ({"keywords": [":("]}, "Oh : no.", False),
    ],
    "keywords:frequency": [
        ({"keyword": "art", "frequency": 2, "relation": "at least"}, "Art party", True),
        ({"keyword": "art", "frequency": 3, "relation": "at least"}, "Art party", False),
        ({"keyword": " art ", "frequency": 3, "relation": "less than"}, "Art party", True),
        ({"keyword": "art", "frequency": 2, "relation": "less than"}, "Art party", False),
        ({"keyword": "aa", "frequency": 2, "relation": "at least"}, "aaa", False),  # no overlap
    ],
    "keywords:forbidden_words": [
        ({"forbidden_words": ["art"]}, "A party.", True),  # whole words only
        ({"forbidden_words": ["art", "song"]}, "It is ART.", False),
        ({"forbidden_words": ["(x"]}, "Only x here.", True),
    ],
    "keywords:letter_frequency": [
        ({"letter": "A", "let_frequency": 3, "let_relation": "at least"}, "Banana", True),
        ({"letter": "a", "let_frequency": 4, "let_relation": "at least"}, "Banana", False),
        ({"letter": "a", "let_frequency": 4, "let_relation": "less than"}, "bAnana", True),
        ({"letter": "a", "let_frequency": 3, "let_relation": "less than"}, "bAnana", False),
        ({"letter": "#", "let_frequency": 2, "let_relation": "at least"}, "#a #b", True),
    ],
    "language:response_language": [
        ({"language": "en"}, ENGLISH, True),
        ({"language": "de"}, ENGLISH, False),
        ({"language": "de"}, GERMAN, True),
        ({"language": "ko"}, "그 노인은 강으로 내려가 배를 오래 바라보았다.", True),
        ({"language": "ru"}, "12345 67", True),  # no language to tell
    ],
    "length_constraints:number_words": [
        ({"num_words": 4, **LEAST_3}, "One two, don't", True),  # "don" and "t"
        ({"num_words": 5, **LEAST_3}, "One two, don't", False),
        ({"num_words": 4, **LESS}, "one two three", True),
        ({"num_words": 3, **LESS}, "one two three", False),
        ({"num_words": 1, **LESS}, "...", True),
    ],
    "length_constraints:number_sentences": [
        ({"num_sentences": 2, **LEAST_3}, "Dr. Smith left. He was tired.", True),
        ({"num_sentences": 3, **LEAST_3}, "Dr. Smith left. He was tired.", False),
        ({"num_sentences": 3, **LESS}, "Dr. Smith left. He was tired.", True),
        ({"num_sentences": 2, **LESS}, "Dr. Smith left. He was tired.", False),
        ({"num_sentences": 2, **LESS}, "A line\nand another\nwithout an end", True),
        ({"num_sentences": 3, **LEAST_3}, "Really? Yes! Good.", True),
    ],
    "length_constraints:number_paragraphs": [
        ({"num_paragraphs": 2}, "a\n***\nb", True),
        ({"num_paragraphs": 2}, "***\na\n***\nb\n***", True),  # one may come first and last
        ({"num_paragraphs": 2}, "a\n***\n***\nb", False),  # an empty one within
        ({"num_paragraphs": 2}, "a\n\nb", False),
        ({"num_paragraphs": 1}, "a\n\nb", True),
        ({"num_paragraphs": 2}, "a***b", True),
        ({"num_paragraphs": 2}, "a\n***\nb\n***\nc", False),
    ],
    "length_constraints:nth_paragraph_first_word": [
        ({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "But"}, "A.\n\nbut, b", True),
        ({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "but"}, "A.\n\n'\"But", True),
        ({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "but"}, "A.\n\n*But b", False),
        ({"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "but"}, "But.\n\nb", False),
        ({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "but"}, "A.", False),
        # Four newlines make an empty part: it does not count, but it is numbered.
        ({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "but"}, "A.\n\n\n\nBut", False),
        ({"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "a"}, "A.\n\n\n\nBut", True),
    ],
    "detectable_content:number_placeholders": [
        ({"num_placeholders": 2}, "[name] and [street]", True),
        ({"num_placeholders": 3}, "[name] and [street]", False),
        ({"num_placeholders": 1}, "[na\nme]", False),
        ({"num_placeholders": 1}, "[]", True),
        ({"num_placeholders": 2}, "[[a] b]", False),
    ],
    "detectable_content:postscript": [
        ({"postscript_marker": "P.S."}, "Bye.\nP.S. more", True),
        ({"postscript_marker": "P.S."}, "Bye. p. s. more", True),
        ({"postscript_marker": "P.S."}, "Bye.\nP.S", False),
        ({"postscript_marker": "P.P.S"}, "Bye.\nP.P.S more", True),
        ({"postscript_marker": "P.P.S"}, "Bye.\nP.S. more", False),
    ],
    "detectable_format:number_bullet_lists": [
        ({"num_bullets": 3}, "* a\n  - b\n*c", True),
        ({"num_bullets": 3}, "* a\n* b", False),
        ({"num_bullets": 1}, "* a\n* b", False),  # exactly
        ({"num_bullets": 0}, "**bold**\n1. one\nx - y", True),
        ({"num_bullets": 1}, "*\n* b", True),  # a star alone takes the next line
        ({"num_bullets": 0}, "*", True),
    ],
    "detectable_format:constrained_response": [
        ({}, "My answer is yes.", True),
        ({}, "Well. My answer is maybe. Or so", True),
        ({}, "My answer is yes", False),
        ({}, "my answer is no.", False),
    ],
    "detectable_format:number_highlighted_sections": [
        ({"num_highlights": 2}, "*a* and **b**", True),
        ({"num_highlights": 2}, "*a* and *b", False),
        ({"num_highlights": 1}, "* *", False),
        ({"num_highlights": 1}, "*a\nb*", False),
        ({"num_highlights": 2}, "*a*b*", False),  # no overlap
    ],
    "detectable_format:multiple_sections": [
        ({"section_spliter": "Section", "num_sections": 2}, "Section 1\na\nSection 2\nb", True),
        ({"section_spliter": "Section", "num_sections": 3}, "Section 1\na\nSection 2\nb", False),
        ({"section_spliter": "Section", "num_sections": 1}, "SECTION 1\na", False),
        ({"section_spliter": " Day ", "num_sections": 1}, "Day12", True),
        ({"section_spliter": "Section", "num_sections": 1}, "Section A", False),
    ],
    "detectable_format:json_format": [
        ({}, '{"a": [1, null]}', True),
        ({}, '```json\n{"a": 1}\n```', True),
        ({}, "```\n[]\n```", True),
        ({}, 'Here: {"a": 1}', False),
        ({}, "{'a': 1}", False),
        ({}, "[" * 100_000, False),
        ({}, "7", True),
    ],
    "detectable_format:title": [
        ({}, "<<A poem>>\ntext", True),
        ({}, "text <<a>> text", True),
        ({}, "<<>>", False),
        ({}, "<< >>", False),
        ({}, "<<a\nb>>", False),
        ({}, "<a>", False),
        ({}, "<<>> and <<b>>", True),
    ],
    "change_case:capital_word_frequency": [
        ({"capital_frequency": 3, "capital_relation": "at least"}, "NASA sent A X-RAY.", True),
        ({"capital_frequency": 4, "capital_relation": "at least"}, "NASA sent A X-RAY.", False),
        ({"capital_frequency": 4, "capital_relation": "less than"}, "NASA sent A X-RAY.", True),
        ({"capital_frequency": 3, "capital_relation": "less than"}, "NASA sent A X-RAY.", False),
        ({"capital_frequency": 2, "capital_relation": "at least"}, "DON'T", True),  # "DO", "N'T"
    ],
    "change_case:english_capital": [
        ({}, ENGLISH.upper(), True),
        ({}, ENGLISH.capitalize(), False),
        ({}, GERMAN.upper(), False),
        ({}, "1234", False),
    ],
    "change_case:english_lowercase": [
        ({}, ENGLISH, True),
        ({}, ENGLISH.capitalize(), False),
        ({}, GERMAN.lower(), False),
    ],
    "punctuation:no_comma": [({}, "a; b", True), ({}, "a, b", False), ({}, "a、b，c", True)],
    "startend:end_checker": [
        ({"end_phrase": "The End. "}, 'So. the end."\n', True),
        ({"end_phrase": "The end."}, "The end. Really.", False),
        ({"end_phrase": "The end."}, "'The end.'", False),
    ],
    "startend:quotation": [
        ({}, ' "a" and "b" ', True),
        ({}, '"', False),
        ({}, '"a', False),
        ({}, "“a”", True),
        ({}, "‘a’", False),
    ],
    "combination:two_responses": [
        ({}, "a\n******\nb", True),
        ({}, "a\n******\n a ", False),
        ({}, "******a******b******", True),
        ({}, "a******b******c", False),
        ({}, "a************b", False),
        ({}, "a", False),
    ],
    "combination:repeat_prompt": [
        ({"prompt_to_repeat": "Say hi. "}, " say HI. Hi", True),
        ({"prompt_to_repeat": "Say hi."}, "Sure! Say hi. Hi", False),
        ({}, "The request. Done", True),
        ({}, "Done", False),
    ],
}


def test_there_are_the_25_types_of_the_public_data_set() -> None:
    assert set(CASES) == set(CONSTRAINTS)
    assert len(CONSTRAINTS) == 25


@pytest.mark.parametrize(
    ("id", "parameters", "response", "followed"),
    [(id, *case) for id, cases in CASES.items() for case in cases],
)
def test_followed_or_not(
    id: str, parameters: Mapping[str, Any], response: str, followed: bool
) -> None:
    made = constraint(id, parameters)
    (result,) = check(response, [made], prompt="The request.")
    assert result.id == id
    assert result.followed is followed, result.reason
    assert result.reason.startswith(f"{id}: expected ")
    assert ", got " in result.reason
    assert "\n" not in result.reason
    json.dumps(made.as_json())


@pytest.mark.parametrize("id", CONSTRAINTS)
def test_a_blank_response_follows_nothing(id: str) -> None:
    made = constraint(id, CASES[id][0][0])
    for loose in (False, True):
        (result,) = check(" \n\t", [made], prompt="", loose=loose)
        assert not result.followed


@pytest.mark.parametrize("id", CONSTRAINTS)
def test_the_words_of_a_constraint_name_its_numbers_and_phrases(id: str) -> None:
    for parameters, _, _ in CASES[id]:
        words = describe(constraint(id, parameters))
        named = [value for name, value in parameters.items() if name != "prompt_to_repeat"]
        for value in named:
            for one in value if isinstance(value, list) else [value]:
                shown = {"en": "English", "de": "German", "ko": "Korean", "ru": "Russian"}.get(
                    str(one), str(one).strip()
                )
                assert shown in words
