"""Constraints together: how they are read, strict and loose, conflicts, accuracies, hostility."""

import json
import time
from itertools import combinations_with_replacement
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewards.constraints import (
    CONSTRAINTS,
    Accuracy,
    ConstraintError,
    accuracy,
    check,
    conflict,
    constraints_of,
    variants,
)

WORDS = "length_constraints:number_words"
BULLETS = "detectable_format:number_bullet_lists"
NO_COMMA = "punctuation:no_comma"
END = "startend:end_checker"
ROW = {
    "instruction_id_list": [NO_COMMA, WORDS],
    "kwargs": [
        {"num_words": None, "relation": None, "keywords": None},
        {"num_words": 3, "relation": "at least", "keywords": None, "letter": ""},
    ],
}
LIST = [{"id": NO_COMMA}, {"id": WORDS, "num_words": 3, "relation": "at least"}]
# All that can be checked on any text without a model of language.
LIGHT = constraints_of(
    [
        {"id": NO_COMMA},
        {"id": WORDS, "num_words": 3, "relation": "at least"},
        {"id": BULLETS, "num_bullets": 1},
        {"id": END, "end_phrase": "bye"},
        {"id": "keywords:existence", "keywords": ["a.b"]},
        {"id": "keywords:forbidden_words", "forbidden_words": ["a"]},
        {"id": "detectable_content:number_placeholders", "num_placeholders": 1},
        {"id": "detectable_content:postscript", "postscript_marker": "P.S."},
        {"id": "detectable_format:number_highlighted_sections", "num_highlights": 1},
        {
            "id": "detectable_format:multiple_sections",
            "section_spliter": "Section",
            "num_sections": 1,
        },
        {"id": "detectable_format:title"},
        {"id": "detectable_format:json_format"},
        {"id": "length_constraints:number_paragraphs", "num_paragraphs": 2},
        {
            "id": "length_constraints:nth_paragraph_first_word",
            "num_paragraphs": 2,
            "nth_paragraph": 2,
            "first_word": "a",
        },
        {"id": "combination:two_responses"},
        {"id": "startend:quotation"},
    ]
)


class TestReferences:
    def test_all_forms_say_the_same(self) -> None:
        expected = constraints_of(LIST)
        assert [one.id for one in expected] == [NO_COMMA, WORDS]
        for form in (ROW, json.dumps(ROW), json.dumps(LIST), tuple(LIST)):
            assert constraints_of(form) == expected
        assert constraints_of(LIST[1]) == expected[1:]
        texts = {name: json.dumps(value) for name, value in ROW.items()}
        assert constraints_of(texts) == expected
        assert constraints_of([one.as_json() for one in expected]) == expected

    def test_numbers_that_a_table_made_floats_are_numbers(self) -> None:
        made = constraints_of([{"id": WORDS, "num_words": 3.0, "relation": "at least"}])
        assert made == constraints_of(LIST[1:])

    def test_kwargs_may_be_missing_where_nothing_has_parameters(self) -> None:
        assert constraints_of({"instruction_id_list": [NO_COMMA]}) == constraints_of(LIST[:1])

    @pytest.mark.parametrize(
        ("reference", "named"),
        [
            (None, "null"),
            (7, "int"),
            ("", "no JSON"),
            ("[" * 100_000, "no JSON"),
            ([], "no constraint"),
            ({"a": 1}, "dict"),
            ([{"num_words": 3}], "no constraint"),
            ([{"id": "length:words"}], "'length:words'"),
            ([{"id": ["x"]}], "no type"),
            ([{"id": WORDS, "relation": "at least"}], "num_words"),
            ([{"id": WORDS, "num_words": -1, "relation": "at least"}], "num_words"),
            ([{"id": WORDS, "num_words": 3, "relation": "at most"}], "relation"),
            ([{"id": WORDS, "num_words": "x" * 999, "relation": "at least"}], "num_words"),
            ([{"id": NO_COMMA, "num_words": 3}], "num_words"),
            ([{"id": "keywords:existence", "keywords": []}], "keywords"),
            ([{"id": "keywords:existence", "keywords": "cat"}], "keywords"),
            ([{"id": "keywords:letter_frequency", "letter": "ab"}], "letter"),
            ([{"id": "language:response_language", "language": "xx"}], "'xx'"),
            (
                [
                    {
                        "id": "length_constraints:nth_paragraph_first_word",
                        "num_paragraphs": 2,
                        "nth_paragraph": 3,
                        "first_word": "a",
                    }
                ],
                "nth_paragraph",
            ),
            ({"instruction_id_list": [NO_COMMA], "kwargs": [{}, {}]}, "2 objects for 1"),
            ({"instruction_id_list": NO_COMMA, "kwargs": [{}]}, "no JSON"),
            ({"instruction_id_list": [NO_COMMA], "kwargs": ["x"]}, "no JSON"),
            ({"instruction_id_list": [NO_COMMA], "kwargs": [3]}, "int"),
            ({"instruction_id_list": [NO_COMMA], "kwargs": 3}, "int"),
        ],
    )
    def test_what_cannot_be_read_is_one_line_that_names_it(
        self, reference: Any, named: str
    ) -> None:
        with pytest.raises(ConstraintError) as caught:
            constraints_of(reference)
        message = str(caught.value)
        assert named in message
        assert "\n" not in message
        assert len(message) < 1200

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["id", "kwargs", "instruction_id_list", "keywords"]), inner
                )
            ),
        )
    )
    def test_any_reference_is_read_or_refused(self, reference: Any) -> None:
        try:
            assert constraints_of(reference)
        except ConstraintError as error:
            assert str(error)


class TestLoose:
    def test_the_eight_texts(self) -> None:
        assert variants("*a*\n b \nc") == (
            "*a*\n b \nc",
            "b \nc",
            "*a*\n b",
            "b",
            "a\n b \nc",
            "b \nc",
            "a\n b",
            "b",
        )

    @pytest.mark.parametrize(
        ("response", "strict"),
        [
            ("Sure:\none two. bye", True),
            ("one two. bye\nI hope that helps!", False),
            ("Sure:\none two. bye\nI hope that helps!", False),
            ("one two. **bye**", False),
        ],
    )
    def test_a_first_or_last_line_or_stars_are_forgiven(self, response: str, strict: bool) -> None:
        made = constraints_of([{"id": END, "end_phrase": "two. bye"}])
        assert check(response, made)[0].followed is strict
        assert check(response, made, loose=True)[0].followed

    def test_nothing_else_is(self) -> None:
        made = constraints_of([{"id": END, "end_phrase": "bye"}])
        (result,) = check("bye now\nand then", made, loose=True)
        # Without its last line: "bye now".
        assert not result.followed

    @settings(deadline=None)
    @given(st.text(st.sampled_from("*-[]<>{}\"',.! \n\tabPS1\\"), max_size=80))
    def test_what_is_followed_strictly_is_followed_loosely(self, response: str) -> None:
        strict, loose = check(response, LIGHT), check(response, LIGHT, loose=True)
        for one, other in zip(strict, loose, strict=True):
            assert other.followed or not one.followed

    def test_accuracies(self) -> None:
        made = constraints_of(LIST)
        results = [check("a b c", made), check("a, b", made), check("a b", made)]
        assert accuracy(results) == Accuracy(1 / 3, 3 / 6)
        with pytest.raises(ValueError, match="without results"):
            accuracy([])


class TestConflicts:
    def test_each_type_conflicts_with_itself_and_the_table_has_both_ways(self) -> None:
        pairs = list(combinations_with_replacement(CONSTRAINTS, 2))
        assert all(conflict(first, second) == conflict(second, first) for first, second in pairs)
        assert all(conflict(id, id) for id in CONSTRAINTS)
        # Counted in the table of the public checkers.
        assert sum(conflict(first, second) for first, second in pairs) == 119

    def test_some_of_them(self) -> None:
        assert conflict("detectable_format:json_format", WORDS)
        assert not conflict("detectable_format:json_format", "keywords:existence")
        assert conflict("startend:quotation", "detectable_format:title")
        assert not conflict(WORDS, NO_COMMA)


class TestHostile:
    @pytest.mark.parametrize("unit", ["\n", " ", "[", "<<", "*", "*\n", "- ", '"', "a", "1", "P."])
    def test_time_is_linear(self, unit: str) -> None:
        text = unit * 50_000
        started = time.perf_counter()
        check(text, LIGHT)
        # Some 0.1 s; what is quadratic takes half a minute.
        assert time.perf_counter() - started < 20

    @pytest.mark.parametrize("unit", [". ", "A. ", "?!", "x@", "http://a.b/", "中", "'"])
    def test_models_of_language_take_a_long_text(self, unit: str) -> None:
        heavy = constraints_of(
            [
                {"id": "language:response_language", "language": "en"},
                {
                    "id": "length_constraints:number_sentences",
                    "num_sentences": 3,
                    "relation": "less than",
                },
                {
                    "id": "change_case:capital_word_frequency",
                    "capital_frequency": 3,
                    "capital_relation": "less than",
                },
            ]
        )
        started = time.perf_counter()
        assert len(check(unit * 1_000, heavy)) == 3
        assert time.perf_counter() - started < 30

    def test_a_language_is_the_same_every_time(self) -> None:
        made = constraints_of([{"id": "language:response_language", "language": "en"}])
        # Unseeded, langdetect gives this several languages.
        assert len({check("bonne nuit ok taxi", made)[0].reason for _ in range(20)}) == 1

    @settings(deadline=None)
    @given(st.text(max_size=200))
    def test_any_response_has_results(self, response: str) -> None:
        results = check(response, LIGHT)
        assert [one.id for one in results] == [one.id for one in LIGHT]
        assert all("\n" not in one.reason for one in results)
