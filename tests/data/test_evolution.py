"""Prompts with constraints: what is drawn, what is worded, and which responses are kept."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.constraint_draws import DEFAULT_TYPES, RARE_LETTERS, WORDS
from data.errors import PromptError, SourceError
from data.evolution import SAID, Evolution, drawn, evolve, evolved, followers, unnamed
from data.schema import Prompt
from rewards.constraints import CONSTRAINTS, conflict, constraints_of, describe

SEED = Prompt("cat", ({"role": "user", "content": "Write about a cat, please."},))
SEEDS = [
    Prompt(f"p{n}", ({"role": "system", "content": "Hi."}, {"role": "user", "content": "Go."}))
    for n in range(40)
]


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_constraints_never_conflict_and_are_all_named(seed: int, most: int) -> None:
    (prompt,) = evolved([SEED], Evolution(seed=seed, most=most))
    made = constraints_of(prompt.reference)
    assert 1 <= len(made) <= most
    assert not any(conflict(first.id, second.id) for first, second in combinations(made, 2))
    text = prompt.messages[-1]["content"]
    assert text.startswith("Write about a cat, please.\n\n")
    assert all(describe(one) in text for one in made)
    assert unnamed(text, made) == []
    ids = {one.id for one in made}
    # The request has a comma: it cannot be repeated without.
    assert not {"combination:repeat_prompt", "punctuation:no_comma"} <= ids


def test_every_type_but_one_is_drawn_and_up_to_six() -> None:
    prompts = list(evolved(SEEDS, Evolution(copies=10)))
    ids = {one["id"] for prompt in prompts for one in prompt.reference}
    assert ids == set(CONSTRAINTS) - {"detectable_format:constrained_response"}
    assert {len(prompt.reference) for prompt in prompts} == {1, 2, 3, 4, 5, 6}
    assert len({prompt.id for prompt in prompts}) == len(prompts)
    assert all(prompt.task == "text" for prompt in prompts)
    assert all(prompt.messages[0] == SEEDS[0].messages[0] for prompt in prompts)


def test_a_prompt_depends_on_its_seeds_alone() -> None:
    together = list(evolved(SEEDS, Evolution(seed=3)))
    assert together[7:8] == list(evolved(SEEDS[7:8], Evolution(seed=3)))
    assert together != list(evolved(SEEDS, Evolution(seed=4)))


def test_words_and_letters_that_are_drawn_cannot_contradict_each_other() -> None:
    assert not any(one in other for one in WORDS for other in WORDS if one != other)
    assert not set("".join(WORDS)) & set(RARE_LETTERS)


def test_words_of_a_model_are_taken_where_they_name_everything() -> None:
    def words(prompt: Prompt) -> str:
        constraints = map(describe, drawn(prompt, 0, how))
        return f" A story is wanted. {prompt.messages[-1]['content']} {' '.join(constraints)} "

    how = Evolution(types=("length_constraints:number_words", "keywords:existence"))
    plain = list(evolved(SEEDS[:5], how))
    worded = [evolve(seed, 0, how, words(seed)) for seed in SEEDS[:5]]
    fallen = [evolve(seed, 0, how, "A story is wanted.") for seed in SEEDS[:5]]
    assert [one.reference for one in worded] == [one.reference for one in plain]
    assert all(one.messages[-1]["content"].startswith("A story") for one in worded)
    assert {one.metadata["wording"] for one in worded} == {"rewritten"}
    assert [one.messages for one in fallen] == [one.messages for one in plain]
    assert {one.metadata["wording"] for one in fallen} == {"plain"}


def test_numbers_may_be_spoken_but_not_be_part_of_others() -> None:
    made = constraints_of([{"id": "detectable_format:number_bullet_lists", "num_bullets": 3}])
    assert unnamed("Three bullets", made) == unnamed("(3) bullets", made) == []
    assert unnamed("30 bullets, threefold", made) == ["3"]


@pytest.mark.parametrize("id", DEFAULT_TYPES)
def test_a_request_that_asks_for_less_is_told(id: str) -> None:
    """Parameters alone are not enough: "less than 5 of them" asks for nothing."""
    for seed in range(3):
        (prompt,) = evolved([SEED], Evolution(seed=seed, types=(id,)))
        made = constraints_of(prompt.reference)
        assert unnamed(f"Write about a cat, please. {describe(made[0])}", made) == []
        bare = " ".join(str(value) for value in prompt.reference[0].values() if value != id)
        assert id not in SAID or unnamed(f"Write about a cat, please. {bare}", made)
        assert unnamed("Write of cats.", made)


def test_responses_that_follow_everything_are_kept() -> None:
    prompt = Prompt(
        "x",
        SEED.messages,
        [{"id": "punctuation:no_comma"}, {"id": "startend:end_checker", "end_phrase": "end"}],
    )
    assert followers(prompt, ["a end", "a, end", "a", "Sure, ok:\nend"]) == ["a end"]
    assert followers(prompt, ["Sure, ok:\nend"], loose=True) == ["Sure, ok:\nend"]
    with pytest.raises(PromptError, match="'cat'"):
        followers(SEED, ["a"])


@pytest.mark.parametrize(
    "wrong", [{"most": 7}, {"most": 0}, {"copies": 0}, {"types": ()}, {"types": ("a:b",)}]
)
def test_what_cannot_be_made_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SourceError, match="evolution"):
        Evolution(**wrong)  # type: ignore[arg-type]


def test_a_seed_needs_a_request() -> None:
    with pytest.raises(PromptError, match="'y'"):
        list(evolved([Prompt("y", ({"role": "assistant", "content": "a"},))]))
