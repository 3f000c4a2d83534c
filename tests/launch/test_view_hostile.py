"""What a policy wrote to harm whoever looks at it, rendered by the page in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request, expect

from tests.launch.viewed_browser import browser, needs_browser, page, served
from tests.launch.viewed_run import answers, make_run, write_step

__all__ = ["browser", "page"]

pytestmark = needs_browser

RUN = "window.hacked=1"
PICTURE = "http://pictures.invalid/a.png"
TEMPLATES = {
    "script": "<script>RUN</script><ScRiPt>RUN</sCrIpT>",
    "handlers": "<img src=x onerror=RUN><details open ontoggle=RUN><body onload=RUN>",
    "svg": "<svg onload=RUN><use href='data:image/svg+xml,<svg/onload=RUN>'/></svg>",
    "math": "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=RUN>",
    "frames": "<iframe srcdoc='<script>parent.RUN</script>'></iframe><object data=PIC></object>",
    "styles": "<style>*{display:none}</style><link rel=stylesheet href=PIC>",
    "forms": "<form action=PIC><input autofocus onfocus=RUN><button>x</button></form>",
    "places": "<base href=PIC><meta http-equiv=refresh content='0;url=PIC'>",
    "names": "<img name=getElementById id=page><a id=main name=body>x</a>",
    "links": "[a](javascript:RUN) [b]( jAvAsCrIpT&colon;RUN) <javascript:RUN> [c][d] "
    "[e](https://sites.invalid 'x\" onclick=RUN')\n\n[d]: data:text/html,<script>RUN</script>",
    "pictures": '![a](PIC) ![b](data:image/svg+xml,<svg/onload=RUN>) ![c" onerror=RUN](x)',
    "formulas": r"$\href{javascript:RUN}{a}$ $\url{javascript:RUN}$ $\includegraphics{PIC}$ "
    r"$\htmlStyle{position:fixed;inset:0}{b}$ $\htmlClass{said}{c}$ $\htmlId{page}{d}$ "
    r"$\htmlData{x=1}{e}$ $\text{<img src=x onerror=RUN>}$ $\class{x}{y}$",
    "macros": r"$\def\a{\a\a}\a$ $\newcommand\b{\b x}\b$ $\rule{1e9em}{1e9em}$ $\kern{-9999em}x$ "
    r"$\raisebox{9999em}{y}$ $\hspace{-9999em}z$ $\gdef\c{1}$",
    "fences": "```mermaid\ngraph TD; A[<img src=x onerror=RUN>] --> B; click A call RUN\n```\n"
    '```html\n<script>RUN</script>\n```\n```"><img src=x onerror=RUN>\nx\n```',
    "tables": "|<img src=x onerror=RUN>|b|\n|-|-|\n|<script>RUN</script>|`<svg onload=RUN>`|",
    "calls": '<tool_call>{"name": "<img src=x onerror=RUN>", "arguments": {"a": "<b>"}}</tool_call>'
    "<think><img src=x onerror=RUN></think>",
    "entities": "&lt;img src=x onerror=RUN&gt; &#60;script&#62;RUN&#60;/script&#62;",
    "signs": "\u202egnp.exe \x1b[31m \ufeff \u2028 </div></section><h1>RUN",
}
ATTACKS = {
    name: text.replace("RUN", "window.hacked=1").replace("PIC", "http://pictures.invalid/a.png")
    for name, text in TEMPLATES.items()
}
DEEP = {
    "brackets": ("[" * 3_900 + "\n") * 4,
    "quotes": "> " * 1_900 + "x",
    "stars": "*a " * 1_300,
    "lists": "\n".join(" " * i + "- a" for i in range(200)),
    "formulas": "$x$ " * 900 + "\n" + "\\frac{" * 600,
    "openings": ("\\[" * 1_900 + "\n") * 4,
    "roots": "$$" + "\\sqrt{" * 400 + "x" + "}" * 400 + "$$",
    "a line without end": "x" * 100_000,
}
GOOD = "wellwritten **bold** \\(x^2\\)"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile")
    run = make_run(folder / "run", steps=1)
    rows = answers(1)
    texts = [f"{text}\n\n{GOOD}" for text in (*ATTACKS.values(), *DEEP.values())]
    written = [
        {**rows[4 + i % 4], "response": text, "prompt_id": f"hostile/{i}", "group": 40 + i}
        for i, text in enumerate(texts)
    ]
    write_step(run / "rollouts", 1, written)
    yield from served([run], folder / "cache")


@pytest.fixture
def asked(page: Page) -> list[str]:
    """What the page asks for outside of the server."""
    found: list[str] = []

    def keep(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            found.append(request.url)

    page.on("request", keep)
    return found


def test_nothing_that_a_policy_wrote_runs_loads_or_covers_the_page(
    page: Page, asked: list[str]
) -> None:
    base = page.url.split("#")[0]
    for number, name in enumerate(ATTACKS):
        page.goto(f"{base}#/rollouts?open=0-1-{number}")
        expect(page.get_by_role("heading", name=f"hostile/{number}", exact=True)).to_be_visible()
        shown = page.locator(".turn.assistant")
        expect(shown.locator("strong")).to_have_text("bold")
        expect(shown.locator(".katex").first).to_be_attached()
        bad = shown.locator(
            "script, img, a, iframe, object, form, input, style, link, base, meta, body, video, "
            "use, [id], [name], [onclick], [onerror], [onload]"
        )
        assert bad.count() == 0, name
        assert page.evaluate("window.hacked") is None, name
        assert page.locator("#page").count() == 1 and page.locator(".top").is_visible(), name
        places = "getComputedStyle(document.querySelector('.turn.assistant .rich')).contain"
        assert page.evaluate(places) == "paint", name
    assert asked == []
    assert page.url.startswith(base)


def test_a_text_that_is_slow_to_render_leaves_the_page_to_its_reader(page: Page) -> None:
    base = page.url.split("#")[0]
    for number in range(len(ATTACKS), len(ATTACKS) + len(DEEP)):
        page.goto(f"{base}#/rollouts?open=0-1-{number}")
        expect(page.get_by_role("heading", name=f"hostile/{number}", exact=True)).to_be_visible()
        expect(page.get_by_text("wellwritten").last).to_be_attached()
        page.keyboard.press("Escape")
        expect(page.locator(".sample")).to_have_count(0)


def test_long_texts_are_rendered_in_pieces_that_keep_code_whole(page: Page) -> None:
    script = """async () => {
        const { pieces } = await import("/static/app/rich.js");
        const code = "```python\\n" + "x = 1\\n\\n".repeat(1500) + "```\\n";
        const text = "word ".repeat(40) + "\\n\\n" + code + ("line\\n\\n".repeat(3000));
        const found = pieces(text);
        return { count: found.length, same: found.join("\\n") === text, longest:
            Math.max(...found.map((one) => one.length)),
            fences: found.map((one) => one.split("```").length - 1) };
    }"""
    found = page.evaluate(script)
    assert found["same"] and found["count"] > 3 and found["longest"] < 16_000
    assert sorted(found["fences"])[-1] == 2 and sum(found["fences"]) == 2
