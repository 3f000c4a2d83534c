"""The page of `plumb view` in a browser: clicks, keys, colours, and what must not run."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.launch.viewed_browser import browser, needs_browser, page, served
from tests.launch.viewed_run import answers, make_run, write_plugin, write_step

__all__ = ["browser", "page"]

pytestmark = needs_browser


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    write_plugin(folder / "plugin.py", "False")
    make_run(folder / "second")
    return make_run(folder / "first", folder / "plugin.py")


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    yield from served([run, run.parent / "second"], run.parent / "cache")


def rows(page: Page) -> Locator:
    """The rows of the list that are in the page."""
    return page.locator("[data-list] [role=option]")


def answers_page(page: Page) -> None:
    page.get_by_role("link", name="Answers").click()
    expect(rows(page).first).to_be_visible()


def test_runs_side_by_side_and_their_curves(page: Page) -> None:
    assert "token" not in page.url
    assert page.evaluate("document.cookie") == ""
    expect(page.get_by_role("checkbox")).to_have_count(2)
    accuracy = page.get_by_role("img", name=re.compile("Accuracy by step"))
    expect(accuracy.locator("canvas")).to_be_visible()
    expect(accuracy).to_contain_text("first, sampled")
    expect(accuracy).to_contain_text("second, sampled")
    expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
    page.get_by_role("checkbox", name="second").uncheck()
    expect(accuracy).not_to_contain_text("second")
    for name, words in {
        "Time": "Where each step's time goes",
        "Data": "Forecast and truth",
        "Evaluations": "All of them",
    }.items():
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=words)).to_be_visible()
        expect(page.locator(".error")).to_have_count(0)


def test_filter_search_and_open(page: Page) -> None:
    answers_page(page)
    status = page.get_by_role("status").first
    expect(status).to_contain_text("104 answers")
    page.locator("[data-filter='outcome=correct']").click()
    expect(status).to_contain_text(re.compile(r"^\d\d answers"))
    expect(page.locator(".item .verdict.incorrect")).to_have_count(0)
    assert "outcome=correct" in page.url
    page.get_by_role("button", name="Clear").click()
    expect(status).to_contain_text("104 answers")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("needleatend")
    expect(status).to_contain_text("8 found")
    expect(page.locator("mark").first).to_have_text("needleatend")
    rows(page).first.click()
    expect(page.get_by_role("heading", name="long/1")).to_be_visible()
    expect(page.get_by_text("more characters").first).to_be_visible()
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_text("needleatend").last).to_be_attached()
    page.get_by_role("button", name="Close the answer").click()
    expect(page.get_by_role("heading", name="long/1")).to_have_count(0)


def test_what_a_policy_wrote_does_not_run(page: Page) -> None:
    page.goto(page.url.split("#")[0] + "#/rollouts?open=0-1-0")
    answer = page.locator(".turn.assistant .rich")
    expect(answer.locator("strong")).to_have_text("bold")
    expect(answer.locator(".katex").first).to_be_visible()
    expect(answer.locator("code.hljs, pre code")).to_contain_text("print('<b>')")
    expect(answer).to_contain_text("<script>window.hacked = 1</script>")
    assert answer.locator("script, img, a").count() == 0
    assert page.evaluate("window.hacked") is None
    page.get_by_role("tab", name="Raw text").click()
    expect(page.locator(".raw").nth(1)).to_contain_text("<img src=x onerror='window.hacked = 2'>")
    page.get_by_role("tab", name="Group").click()
    expect(page.locator(".one")).to_have_count(4)
    assert page.evaluate("window.hacked") is None


def test_turns_a_failed_test_tokens_and_differences(page: Page) -> None:
    base = page.url.split("#")[0]
    page.goto(f"{base}#/rollouts?open=0-1-2")
    first, second = page.locator(".turn.assistant").first, page.locator(".turn.assistant").last
    for words in ("earned 0.25", "1.50 s", "policy versions 0 (1 token), then 1", "engine 3"):
        expect(first).to_contain_text(words)
    expect(first).to_contain_text("add 0.20 s, raised")
    expect(second).to_contain_text("64 of 64 tokens")
    expect(second).to_contain_text("cut there")
    expect(page.locator(".thinking")).to_contain_text("A tool helps.")
    expect(page.locator(".call")).to_contain_text("calls add")
    expect(page.locator(".turn.tool")).to_contain_text("observedfour")
    page.goto(f"{base}#/rollouts?open=0-1-3")
    expect(page.get_by_label("The test that failed")).to_contain_text("2 3")
    page.goto(f"{base}#/rollouts?open=0-1-5")
    expect(page.get_by_role("heading", name="arithmetic/1+4")).to_be_visible()
    page.keyboard.press("t")
    page.locator(".token").nth(2).click()
    expect(page.locator(".token-facts")).to_contain_text("logprob -2.5000")
    page.keyboard.press("g")
    expect(page.locator(".one ins").first).to_be_visible()
    page.get_by_role("button", name="Differences").click()
    expect(page.locator(".one ins")).to_have_count(0)


def test_grading_anew_and_a_row_to_copy(page: Page, run: Path) -> None:
    page.goto(page.url.split("#")[0] + "#/rollouts?open=0-1-5")
    told = page.locator("[data-graded]")
    page.get_by_role("button", name="Grade anew").click()
    expect(told).to_contain_text("now incorrect")
    write_plugin(run.parent / "plugin.py", "'boxed{5}' in response")
    page.keyboard.press("v")
    expect(told).to_contain_text("now correct")
    page.get_by_role("button", name="Copy as plumb verify row").click()
    expect(page.locator(".said")).to_contain_text("plumb verify --task math")
    assert '"reference": "5"' in page.evaluate("navigator.clipboard.readText()").replace(
        '":"', '": "'
    )


def test_keys_colours_and_a_phone(page: Page) -> None:
    answers_page(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".item[aria-selected=true]")).to_have_attribute("aria-posinset", "2")
    page.keyboard.press("Escape")
    expect(page.locator(".sample")).to_have_count(0)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.keyboard.press("d")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(ground) != light
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.set_viewport_size({"width": 390, "height": 844})
    for number in "12345":
        page.keyboard.press(number)
        expect(page.locator("nav a[aria-current=page]")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_new_step_comes_by_itself(page: Page, run: Path) -> None:
    accuracy = page.get_by_role("img", name=re.compile("Accuracy by step"))
    expect(accuracy).to_have_attribute("aria-label", re.compile("first, sampled: .* at step 3"))
    metrics = run / "metrics.jsonl"
    last = json.loads(metrics.read_text("utf-8").splitlines()[-1])
    with metrics.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({**last, "step": 4}) + "\n")
    expect(accuracy).to_have_attribute("aria-label", re.compile("first, sampled: .* at step 4"))
    answers_page(page)
    write_step(run / "rollouts", 4, answers(4))
    expect(rows(page).first).to_contain_text("step 4")
