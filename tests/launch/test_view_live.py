"""The page of `plumb view` while runs go on and answers come late, or not: what it shows then."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.launch.viewed_browser import PATIENCE, browser, needs_browser, served
from tests.launch.viewed_run import answers, make_run, write_step

__all__ = ["browser"]

pytestmark = needs_browser
FACES = "😀" * 125_000 + " theveryend"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    run = make_run(folder / "first")
    make_run(folder / "second", steps=1)
    rows = answers(2)
    rows[5] |= {"response": FACES, "prompt_id": "faces/1"}
    rows[6] |= {"response": "小明有三个苹果。", "prompt_id": "fruit/1"}
    write_step(run / "rollouts", 2, rows)
    return run


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    yield from served([run, run.parent / "second"], run.parent / "cache")


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page; requests may fail in it, its code may not."""
    expect.set_options(timeout=PATIENCE)
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    found = context.new_page()
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.goto(address)
    expect(found.locator(".meter[data-loaded=true]")).to_be_attached()
    yield found
    found.unroute_all(behavior="ignoreErrors")
    context.close()
    assert not faults


def goto(page: Page, place: str) -> None:
    page.goto(f"{page.url.split('#')[0]}#/{place}")


def refuse(page: Page, path: str, times: int) -> None:
    """Let no answer come to the next requests of a kind."""
    left = iter(range(times))

    def answer(route: Route) -> None:
        if next(left, None) is None:
            route.continue_()
        else:
            route.abort()

    page.route(re.compile(rf"/api/{path}(\?|$)"), answer)


def test_a_chart_of_evaluations_is_drawn_with_the_newest(page: Page, run: Path) -> None:
    goto(page, "evaluations")
    expect(page.get_by_role("img", name=re.compile("^held_out by step"))).to_be_visible()
    page.evaluate("""() => {
        window.drawn = [];
        const made = window.uPlot;
        window.uPlot = new Proxy(made, { construct: (target, given) => {
            window.drawn.push(given[1][0]);
            return new target(...given);
        } });
    }""")
    metrics = run / "metrics.jsonl"
    last = json.loads(metrics.read_text("utf-8").splitlines()[-1])
    with metrics.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({**last, "step": 4}) + "\n")
    expect(page.get_by_role("row", name=re.compile("^held_out first 4 "))).to_be_visible()
    page.wait_for_function("window.drawn.some((steps) => steps.includes(4))")
    assert 4 in page.evaluate("window.drawn.at(-1)")


@pytest.mark.parametrize(
    ("path", "place", "words"),
    [
        ("evaluations", "evaluations", "All of them"),
        ("times", "time", "Slowest prompts"),
        ("data", "data", "Prompts that earn least"),
        ("sample", "rollouts?open=0-1-5", "arithmetic/1+4"),
    ],
)
def test_what_failed_once_is_asked_again(page: Page, path: str, place: str, words: str) -> None:
    refuse(page, path, 1)
    goto(page, place)
    expect(page.locator(".error", has_text="does not answer")).to_be_visible()
    expect(page.locator(".error")).to_have_count(0)
    expect(page.get_by_role("heading", name=words)).to_be_visible()


def test_rows_hits_and_counts_that_failed_once_come(page: Page) -> None:
    for path in ("rows", "counts", "search", "previews"):
        refuse(page, path, 1)
    goto(page, "rollouts")
    rows = page.locator("[data-list] [role=option]")
    expect(rows.first).to_contain_text("user: 0+4=?")
    expect(page.get_by_role("status").first).to_contain_text(re.compile(r"^\d+ answers of"))
    goto(page, "rollouts?text=needleatend")
    expect(page.get_by_role("status").first).to_contain_text(re.compile(r"^\d+ found\.$"))
    expect(rows.first).to_contain_text("needleatend")


def test_the_answer_to_an_earlier_filter_comes_too_late(page: Page) -> None:
    asked = re.compile(r"/api/rows\?.*outcome=correct")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(asked, hold)
    goto(page, "rollouts?outcome=correct")
    wrong = page.locator("[data-list] .verdict.incorrect")
    while not held:
        page.wait_for_timeout(50)
    goto(page, "rollouts?outcome=incorrect")
    expect(wrong.first).to_be_visible()
    with page.expect_response(asked):
        held[0].continue_()
    page.evaluate("new Promise((go) => setTimeout(go, 200))")
    expect(wrong.first).to_be_visible()
    expect(page.locator("[data-list] .verdict.correct")).to_have_count(0)


def test_a_filter_that_is_refused_shows_why_and_no_rows(page: Page) -> None:
    goto(page, "rollouts?outcome=correct")
    expect(page.locator("[data-list] [role=option]").first).to_be_visible()
    goto(page, "rollouts?step_from=many")
    expect(page.get_by_role("status").first).to_contain_text("step_from: Input should be a valid")
    expect(page.locator("[data-list] [role=option]")).to_have_count(0)
    goto(page, "rollouts?outcome=correct")
    expect(page.locator("[data-list] [role=option]").first).to_be_visible()


def test_no_run_is_chosen_and_no_answer_shown(page: Page) -> None:
    for name in ("first", "second"):
        page.get_by_role("checkbox", name=name).uncheck()
    page.get_by_role("link", name="Answers").click()
    expect(page.get_by_role("status").first).to_contain_text("0 answers")
    expect(page.get_by_text("No answer fits.")).to_be_visible()


def test_a_filter_chosen_while_one_types_is_kept(page: Page) -> None:
    goto(page, "rollouts")
    chosen = page.locator("[data-filter='outcome=correct']")
    expect(chosen).to_be_visible()
    page.evaluate("""() => {
        const box = document.getElementById("search");
        box.value = "boxed";
        box.dispatchEvent(new Event("input", { bubbles: true }));
        const chosen = document.querySelector("[data-filter='outcome=correct']");
        requestAnimationFrame(() => chosen.click());
    }""")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    page.wait_for_url(re.compile("text=boxed"))
    assert "outcome=correct" in page.url


def test_words_of_other_scripts_and_characters_of_two_units(page: Page) -> None:
    goto(page, "rollouts?text=苹果")
    expect(page.get_by_role("status").first).to_contain_text("1 found.")
    expect(page.locator("mark").first).to_have_text("苹果")
    goto(page, "rollouts?open=0-2-5&view=raw")
    expect(page.get_by_text("5,011 more characters")).to_be_visible()
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    shown = page.evaluate(
        "[...document.querySelectorAll('#shown-answer .raw')].map((one) => one.textContent)"
    )
    assert "".join(shown[1:3]) == FACES


def test_the_prompts_of_two_sets_are_told_apart(page: Page) -> None:
    goto(page, "data")
    rows = page.get_by_role("row").filter(has_text="code/1")
    expect(rows.filter(has_text="first, evaluation held_out")).to_have_count(1)
    rows.filter(has_text="first, training").get_by_role("button").click()
    page.wait_for_url(re.compile("shelf="))
    expect(page.locator("[data-list] [role=option]").first).to_contain_text("code/1")


def test_a_mark_of_a_formula_that_nothing_ends_costs_no_later_text(page: Page) -> None:
    script = """async () => {
        const { pieces } = await import("/static/app/rich.js");
        const text = "it costs $$ 5\\n\\n" + "line\\n\\n".repeat(5000);
        const found = pieces(text);
        const longest = Math.max(...found.map((one) => one.length));
        return { same: found.join("\\n") === text, longest };
    }"""
    found = page.evaluate(script)
    assert found["same"] and found["longest"] < 12_000


def test_a_step_that_is_sampled_anew_is_shown_as_it_is_now(page: Page, run: Path) -> None:
    goto(page, "rollouts?shelf=0&step_from=1&step_to=1")
    row = page.locator("[data-list] [data-id='0-1-4']")
    expect(row).to_contain_text("says Sum_1")
    changed = [{**row, "response": f"again {row['response']}"} for row in answers(1)]
    write_step(run / "rollouts", 1, changed)
    expect(row).to_contain_text("again step1 says Sum_1")
    row.click()
    expect(page.locator(".turn.assistant")).to_contain_text("again step1")
    write_step(run / "rollouts", 1, answers(1))
    expect(page.locator(".turn.assistant")).to_contain_text(re.compile("^answerstep1"))


def test_a_search_shows_what_has_come_since(page: Page, run: Path) -> None:
    goto(page, "rollouts?text=boxed&shelf=0")
    rows = page.locator("[data-list] [role=option]")
    expect(rows.first).to_contain_text("step 3")
    write_step(run / "rollouts", 5, answers(5))
    expect(rows.first).to_contain_text("step 5")
