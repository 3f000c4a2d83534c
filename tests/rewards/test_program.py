"""Which part of a response is its program: fences as models write them."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.code.blocks import blocks
from rewards.code.languages import language_of
from rewards.code.program import NoProgramError, last_program
from rewards.thinking import parted
from sandbox.types import Language
from tests.processor_time import least_seconds

CASES = Path(__file__).parents[3] / "shared" / "cases" / "code.jsonl"
P = "print(int(input()) * 2)\n"
LINES = st.text(st.characters(exclude_characters="`~", exclude_categories=["Cs"]), max_size=40)
SPOKEN = LINES.filter(lambda text: parted(text).answer == text)
"""Without thinking: the texts that are drawn hold marks of the code that they are drawn for."""
TEXTS = st.lists(
    st.one_of(
        LINES,
        st.sampled_from(["```", "```python", "````", "~~~", "  ```c", "<think>", "</think>", "`"]),
        st.sampled_from(["x```", "s = '''", '"""', "```markdown", "<answer>```py", "```</s>"]),
    ),
    max_size=12,
).map("\n".join)


@given(SPOKEN, LINES, st.sampled_from(["", "text", "python", "c++"]))
def test_the_last_closed_block_is_the_program(before: str, line: str, tag: str) -> None:
    line = line.replace("'", "").replace('"', "")
    body = f"x = 1\n{line}"
    text = f"{before}\n```\nold\n```\n{before}\n```{tag}\n{body}\n```\n{before}"
    program, language = last_program(text)
    if tag == "text":  # cannot be run
        assert (program, language) == ("old\n", None)
    else:
        assert program == f"{body}\n"
        assert language == {"python": "python", "c++": "cpp"}.get(tag)


@given(TEXTS)
def test_any_text_gives_a_program_of_its_own_lines_or_a_reason(text: str) -> None:
    try:
        program, _ = last_program(text)
    except NoProgramError as error:
        assert str(error)
    else:
        assert program.strip()
        lines = text.split("\n")
        assert all(any(part.strip() in line for line in lines) for part in program.split("\n"))


@given(TEXTS)
def test_only_the_last_block_is_open(text: str) -> None:
    assert all(block.is_closed for block in list(blocks(text))[:-1])


@given(st.text(st.sampled_from("`~ \n\rp"), max_size=200))
def test_a_program_is_found_inside_of_any_longer_fence(program: str) -> None:
    longest = max((len(run) for run in re.findall("`+", program)), default=0)
    fence = "`" * max(3, longest + 1)
    (block,) = blocks(f"{fence}py\n{program}\n{fence}")
    assert (block.tag, block.source) == ("py", f"{program}\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("print(7)", "no code block"),
        ("", "no code block"),
        ("```python\nprint(7)", "not closed"),
        ("```\nprint(7)\n```\nBetter:\n```python\nprint(", "not closed"),
        ("<think>\n```\nprint(7)\n```", "no code block"),
        ("So:\n</think>\nprint(7)\nSo it is.", "no code block"),
        ("```\n\n```", "is empty"),
        ("```text\n7\n```", "no code block"),
        ("```typescript\nx\n```", "no code block"),
        ("`````python\nprint(7)\n```", "not closed"),
    ],
)
def test_what_has_no_program_says_why(text: str, reason: str) -> None:
    with pytest.raises(NoProgramError, match=reason):
        last_program(text)


@pytest.mark.parametrize(
    ("text", "program", "language"),
    [
        ("```{.js}\nx\n```", "x\n", "javascript"),
        ("1. So:\n   ```python\n   if x:\n       y\n\n   ```", "if x:\n    y\n\n", "python"),
        ("~~~c\n```\n~~~", "```\n", "c"),
        ("```py\r\nx\r\n```\r\n", "x\r\n", "python"),
        ("```py\nx\n```\n```", "x\n", "python"),  # a fence without a block
        ("<think>\n```\nold\n```\n</think>\n```java\nx\n```", "x\n", "java"),
        ("<think>so</think>```java\nx\n```", "x\n", "java"),
        ("> ```py\n> if x:\n>     y\n> ```\n> Done.", "if x:\n    y\n", "python"),
        ("- ```py\n  if x:\n      y\n  ```", "if x:\n    y\n", "python"),
        ("2) ```js\n   x\n   ```\n3) Done.", "x\n", "javascript"),
    ],
)
def test_fences_as_models_write_them(text: str, program: str, language: str) -> None:
    assert last_program(text) == (program, language)


NAMES: dict[Language, str] = {
    "python": "py Py PYTHON python3 py3 python3.11 python-3 pypy pypy3 py3.9 main.py ipython3",
    "cpp": "cpp C++ c++17 C++20 cpp17 cpp-20 gnu++17 g++ c++2a cc cxx a/main.cpp",
    "c": "c C c11 c99 gnu11 c2x main.c",
    "java": "java Java java8 Java17 java-21 Main.java",
    "javascript": "js JavaScript node nodejs node.js node18 javascript es6 mjs solution.js",
}
NOT_RUN = "cython typescript ts tsx csharp c# objective-c rust go bash output text json python-repl"


@pytest.mark.parametrize("language", NAMES)
def test_tags_name_languages(language: Language) -> None:
    for name in NAMES[language].split():
        assert language_of(name) == language, name
        for info in (name, f"{name}\t", f'{name} title="a.txt"', f"{{.{name}}}", f"{name}:1-3"):
            assert last_program(f"```{info}\nx\n```") == ("x\n", language), info
        assert last_program(f"~~~~lang-{name}\nx\n~~~~") == ("x\n", language)
    for name in NOT_RUN.split():
        assert language_of(name) is None, name


AFTER = (
    "Output:\n```\n8\n```",
    "```output\n8\n```",
    "```Output\n8",
    "```\n8",
    "Complexity:\n```\nO(n)\n```",
    "```sh\n$ python x.py\n```",
    "```markdown\n8\n```\nDone.",
    "```python\n>>> f(4)\n8\n```",
    "Example usage:\n```python\nprint(f(4))\n```",
    "```text\n```",
)


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("tag", ["python", "py3", ""])
def test_what_follows_the_program_is_not_the_program(tag: str, after: str) -> None:
    if not tag and after in (AFTER[3], AFTER[8]):
        return  # nothing says that it is another block, or a cut one
    assert last_program(f"So:\n```{tag}\n{P}```\n\n{after}\n")[0] == P
    if not tag:
        assert last_program(f"So:\n```\n{P}```\n\nFor 4 we have\n{after}\n")[0] == P
    assert last_program(f"Sample:\n```\n8\n```\n\n```python\n{P}```\n\n{after}\n")[0] == P


GLUED = (
    "",
    "</answer>",
    "<|im_end|>",
    "<|endoftext|>",
    "</s>",
    " </answer><|eot_id|>",
    "[/ANSWER]",
)


@pytest.mark.parametrize("after", GLUED)
@pytest.mark.parametrize("before", ["", "<answer>", "<answer>\n", "<|im_start|>", "Here it is: "])
def test_what_is_glued_to_a_fence_is_not_in_the_way(before: str, after: str) -> None:
    for text in (f"```python\n{P}```", f"```python\n{P.strip()}```", f"````py\n{P}````"):
        assert last_program(f"{before}{text}{after}") == (P, "python")
        assert last_program(f"{before}{text}{after}\nOutput:\n```\n8\n```") == (P, "python")


@pytest.mark.parametrize(
    "program",
    [
        's = """\n```\nx\n```\n"""\nprint(s)\n',
        "def f():\n    '''Doc:\n    ```python\n    f()\n    ```\n    '''\n",
        's = "```"  # not ```\nprint(s)\n',
        "# ends with ```\nprint(1)\n",
        "x = a // b; s = '''\n```\n'''\n",
        "s = 'it\\'s \"\"\" here'\nprint(s)\n",
    ],
)
def test_fences_in_a_python_program_stay_in_it(program: str) -> None:
    assert last_program(f"```python\n{program}```\nDone.") == (program, "python")


def test_a_string_that_never_ends_takes_no_program_with_it() -> None:
    text = "```python\ns = '''oops\n```\n"
    assert last_program(text)[0] == "s = '''oops\n"
    assert last_program(f"{text}Fixed:\n```python\n{P}```\n")[0] == P


def test_a_block_of_markdown_may_hold_the_program() -> None:
    text = f"```markdown\n# Solution\n```python\n{P}```\n```\nDone."
    assert last_program(text) == (P, "python")


def test_the_language_asked_for_is_taken() -> None:
    text = "```cpp\nint main(){}\n```\nTo test it:\n```python\nimport os\n```"
    assert last_program(text)[1] == "python"
    assert last_program(text, wanted="cpp") == ("int main(){}\n", "cpp")
    assert last_program(text, wanted="java")[1] == "python"


def test_many_fences_are_read_in_one_pass() -> None:
    assert len(list(blocks("```\n```\n" * 50_000))) == 50_000
    assert list(blocks("`" * 500_000 + " " * 500_000 + "\rx")) == []


@pytest.mark.parametrize(
    "unit",
    [
        "```py\n'''\n```\n",
        '```py\n"\n',
        "<a>",
        "> ",
        "- ",
        "x ``` ",
        "` `` ```\n",
        '"\\',
        "```md\n",
    ],
)
def test_time_is_linear(unit: str) -> None:
    def seconds(times: int) -> float:
        text = f"```py\n{unit * times}"
        return least_seconds(lambda: list(blocks(text)))

    small = max(0.002, seconds(2_000))
    assert seconds(16_000) < 3 * 8 * small  # of the square: 64


KINDS = ("tags", "untagged block after", "extraction", "think tags", "simonw")


@pytest.mark.skipif(not CASES.is_file(), reason="the cases are not here")
def test_programs_of_the_shared_cases() -> None:
    rows = [json.loads(line) for line in CASES.read_text().splitlines()]
    for row in (row for row in rows if row["kind"].startswith(KINDS)):
        try:
            found = last_program(row["response"])[0]
        except NoProgramError:
            found = ""
        assert bool(found) is (row["expected"] == "correct"), row["id"]
