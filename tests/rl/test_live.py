"""The live display of a run, and the lines that take its place elsewhere."""

import io
from typing import Any

import pytest
from rich.console import Console

from rl.live import LiveView, span
from rl.progress import Progress


def row(step: int, total: float = 30.0, **more: Any) -> dict[str, Any]:
    seconds = {"generate": 12.0, "grade": 3.0, "learn": 9.0, "sync": 1.0, "total": total}
    return {
        "step": step, "accuracy": 0.25, "acceptance_rate": None, "reward_mean": -0.5,
        "tokens_per_second": 12345.6, "seconds": seconds, "tasks": {},
        "idle": {"engines": 0.07, "learner": None}, **more,
    }  # fmt: skip


def shown(view: LiveView, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(view())
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_it_shows_where_the_run_stands() -> None:
    now = 0.0
    view = LiveView(100, lambda: "sampling | 5 of 16 groups", lambda: now)
    assert "0 of 100" in shown(view)
    assert "left" not in shown(view), "nothing foretells it yet"
    for step, total in enumerate([40.0, 30.0, 900.0, 30.0, 30.0], start=1):
        view.step(row(step, total))
    now = 130.0
    view.say("engine 3 is lost: [boom]")
    now = 145.0
    text = shown(view)
    assert "5 of 100, 2 min, about 48 min left" in text, "one slow step does not decide"
    assert "5 of 16 groups" in text
    for cell in ("25.0%", "-0.500", "12,346", "7.0%", "engines idle", "learner idle"):
        assert cell in text
    assert "15 s ago: engine 3 is lost: [boom]" in text


def test_it_keeps_the_last_words_and_any_width_and_row() -> None:
    view = LiveView(3, lambda: "", lambda: 0.0)
    for word in range(9):
        view.say(f"word {word}" + "x" * 500)
    view.step(row(0, tokens_per_second=None, idle={}))
    for width in (20, 60, 200):
        text = shown(view, width)
        assert max(map(len, text.splitlines())) <= width
    assert "word 5" not in shown(view)
    assert all(f"word {word}" in shown(view) for word in (6, 7, 8))


def test_elsewhere_it_is_a_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(2, lambda: "busy") as progress:
        progress.say("begun [as it is]")
        progress.step(row(1))
        progress.step(row(2))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "begun [as it is]"
    assert [line.partition("  ")[0] for line in lines[1:]] == ["step 1/2", "step 2/2"]


def test_in_a_terminal_it_is_drawn_and_leaves_the_last_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    with Progress(2, lambda: "busy 1/4") as progress:
        progress.step(row(1))
        progress.say("a word")
        progress.step(row(2))
    text = capsys.readouterr().out
    assert "engines idle" in text
    assert "step 2/2" in text
    assert "step 1/2" not in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (61, "1 min"), (12000, "3 h 20 min")]
)
def test_times_are_for_people(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_what_is_said_while_it_is_shown_breaks_nothing() -> None:
    view = LiveView(3, lambda: "", lambda: 0.0)
    for word in ("one", "two"):
        view.say(word)
    told = view._word

    def speak(at: float, line: str) -> Any:
        view.say("more")
        return told(at, line)

    view._word = speak  # type: ignore[method-assign]
    assert "two" in shown(view)
