"""The small games: what turns earn, how they end, and that demonstrations are played right."""

from collections.abc import Callable
from typing import Any

import pytest

from data.builtin import builtin_prompts, demonstration, endings
from data.errors import PromptError, SourceError
from data.schema import Prompt
from rl.environments.grid_walk import GridWalk
from rl.environments.guess_number import GuessNumber
from rl.environments.played import Result
from rl.errors import ConfigError

GUESSES = builtin_prompts("builtin:guess_number?max=20&count=300")
EVERY_GUESS = builtin_prompts("builtin:guess_number?max=4&count=16")
WALKS = builtin_prompts("builtin:grid_walk?size=5&far=4&count=300")
MAZES = builtin_prompts("builtin:grid_walk?size=5&far=8&walls=6&count=300")
GAMES: list[tuple[Callable[..., Any], list[Prompt]]] = [
    (GuessNumber, GUESSES), (GuessNumber, EVERY_GUESS), (GridWalk, WALKS), (GridWalk, MAZES)
]  # fmt: skip


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def begun(kind: Callable[..., Any], prompt: Prompt, **options: Any) -> Any:
    game = kind(**options)
    assert game.reset(prompt) is None
    return game


def number(low: int, high: int, hidden: int) -> Prompt:
    asked = ({"role": "user", "content": f"{low}-{high}"},)
    return Prompt("p", asked, str(hidden), metadata={"low": low, "high": high})


def walk(start: str, goal: str, *walls: str, size: int = 4) -> Prompt:
    row = {"size": size, "start": start, "walls": list(walls)}
    return Prompt("p", ({"role": "user", "content": "q"},), goal, metadata=row)


@pytest.mark.parametrize(("kind", "prompts"), GAMES)
def test_a_demonstration_is_what_the_game_says(kind: Any, prompts: list[Prompt]) -> None:
    for prompt in prompts:
        turns = demonstration(prompt)
        game = begun(kind, prompt, turn_reward=0.5)
        answers = [game.reply(turn) for turn in turns[::2]]
        assert [one["content"] for one in turns[1::2]] == [one.text for one in answers[:-1]]
        assert [one.done for one in answers] == [False] * (len(answers) - 1) + [True]
        assert game.reward([]) is True
        assert sum(one.reward for one in answers) == pytest.approx(0.5)
        assert all(one.reward >= 0 for one in answers)
        assert endings(prompt) == [one["content"] for one in turns[::2]]


@pytest.mark.parametrize(("kind", "prompts"), GAMES)
def test_a_mistake_ends_a_demonstration_and_earns_less(kind: Any, prompts: list[Prompt]) -> None:
    places, kinds = set(), set()
    for prompt in prompts:
        turns, right = demonstration(prompt, mistaken=True), demonstration(prompt)
        assert turns[:-1] == right[: len(turns) - 1]
        game, best = begun(kind, prompt), begun(kind, prompt)
        *_, wrong = [game.reply(turn) for turn in turns[::2]]
        *_, better = [best.reply(turn) for turn in right[: len(turns) : 2]]
        assert not wrong.done
        assert wrong.reward <= better.reward
        assert game.reward([]) is False
        places.add(len(turns))
        kinds.add(wrong.text.split(":")[0])
    assert len(places) > 1
    assert len(kinds) > 1


@pytest.mark.parametrize("source", ["guess_number?max=20", "grid_walk?size=5"])
def test_problems_are_distinct_and_the_same_again(source: str) -> None:
    made = builtin_prompts(f"builtin:{source}&count=200")
    assert len({prompt.id for prompt in made}) == 200
    assert builtin_prompts(f"builtin:{source}&count=200") == made
    assert builtin_prompts(f"builtin:{source}&count=200&seed=1") != made


@pytest.mark.parametrize(
    "source",
    [
        "guess_number?max=1", "guess_number?max=1000", "guess_number?count=0",
        "guess_number?max=4&count=17", "grid_walk?size=1", "grid_walk?size=11", "grid_walk?far=0",
        "grid_walk?size=3&walls=4", "grid_walk?size=2&count=13", "grid_walk?max=3",
    ],
)  # fmt: skip
def test_problems_that_there_are_none_of_are_refused(source: str) -> None:
    with pytest.raises(SourceError, match=source.partition("?")[0]):
        builtin_prompts(f"builtin:{source}")


def test_other_prompts_have_no_demonstration() -> None:
    for name in ("guess_number", "grid_walk"):
        with pytest.raises(PromptError):
            demonstration(Prompt(f"{name}/x", ({"role": "user", "content": "x"},)))


def test_a_guess_earns_the_bits_that_it_finds_out() -> None:
    game = begun(GuessNumber, number(1, 16, 3), turn_reward=1.0)
    first = game.reply(said("Perhaps 16? No: 8."))
    assert (first.text, first.done) == ("lower: 1-7", False)
    assert first.reward == pytest.approx(0.298, abs=1e-3)
    for wasted in ("12", "8", "0", ""):
        answer = game.reply(said(wasted))
        assert answer.text in ("lower: 1-7", "higher: 1-7", "say a number: 1-7")
        assert answer.reward == 0
    assert game.reply(said("<think>3, or 4?</think>2")).text == "higher: 3-7"
    last = game.reply(said("3"))
    assert (last.text, last.done) == ("yes", True)
    assert last.reward == pytest.approx(0.580, abs=1e-3)
    assert game.metrics() == {"guesses": 7}


def test_numbers_below_zero_can_be_guessed_and_a_dash_between_is_no_minus() -> None:
    game = begun(GuessNumber, number(-9, 9, -4))
    assert game.reply(said("between -9-5")).text == "lower: -9-4"
    assert game.reply(said("it is not 3 but -7")).text == "higher: -6-4"
    assert game.reply(said("**-4**")).done


def test_a_step_earns_its_share_of_the_way_around_walls() -> None:
    game = begun(GridWalk, walk("0,0", "2,0", "1,0", "1,1"), turn_reward=6.0)  # six steps around
    assert game.reply(said("right")) == Result("wall: 0,0>2,0", -1.0)
    assert game.reply(said("up")) == Result("wall: 0,0>2,0", -1.0)
    assert game.reply(said("hm")) == Result("say left, right, up or down: 0,0>2,0", -1.0)
    assert game.reply(said("<think>up? No.</think>Not right, so DOWN.")) == Result("0,1>2,0", 1.0)
    assert game.reply(said("up")) == Result("0,0>2,0", -1.0)
    steps = ("down", "down", "right", "right", "up", "up")
    answers = [game.reply(said(step)) for step in steps]
    assert [one.reward for one in answers] == [1.0] * 6
    assert answers[-1] == Result("there", 1.0, done=True)
    assert game.metrics() == {"steps": 11, "steps_in_vain": 3, "way": 6}


def test_rules_are_told_where_they_are_asked_for() -> None:
    assert "higher or lower" in str(GuessNumber(rules=True).reset(number(1, 9, 3)))
    assert "left, right, up and down" in str(GridWalk(rules=True).reset(walk("0,0", "1,1")))


@pytest.mark.parametrize(
    ("kind", "prompt"),
    [
        (GuessNumber, number(1, 9, 10)),
        (GuessNumber, number(9, 9, 9)),
        (GuessNumber, Prompt("p", ({"role": "user", "content": "q"},), "3")),
        (GridWalk, walk("0,0", "4,4")),
        (GridWalk, walk("0,0", "0,0")),
        (GridWalk, walk("0,0", "2,2", "0,1", "1,0")),
        (GridWalk, walk("0,0", "north")),
        (GridWalk, walk("0,0", "1,1", "here")),
        (GridWalk, walk("0,0", "1,1", size=1)),
    ],
)
def test_rows_that_are_no_games_are_refused(kind: Any, prompt: Prompt) -> None:
    with pytest.raises(ConfigError, match="prompt 'p': "):
        kind().reset(prompt)
