"""Thinking and answer are parted by structure, for every verifier alike."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import Sample, load_verifier
from rewards.code.program import last_program
from rewards.thinking import Opened, final_part, has_closing, is_one_block, opened_by, parted
from rewards.tools import ToolCall, parse_calls
from tests.processor_time import least_seconds

PAIRS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<think:6124c78e>", "</think:6124c78e>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("Here is my thought process:", "Here is my response:"),
]
MARKS = ["<think>", "</think>", "[THINK]", "[/THINK]", "</thinking>", "<|channel|>", "<channel|>"]
CALL_MARKS = [
    "<tool_call>", "<|tool_call|>", "<minimax:tool_call>", "<function=f>", "<|python_tag|>",
    "<\uff5ctool\u2581calls\u2581begin\uff5c>", "<|tool_calls_section_begin|>", "<function_calls>",
    "<|action_start|>", "<|START_ACTION|>", "<TOOLCALL>", "<longcat_tool_call>", "[TOOL_CALLS]",
    "<|tool_call_start|>", "<start_function_call>", '{"name": "f"', '{"tool_calls": [', "[f(",
    "<\uff5cDSML\uff5cfunction_calls>", "<invoke name=", "commentary to=functions.f",
]  # fmt: skip
marks = st.sampled_from(MARKS)
words = st.text(st.sampled_from("ab <>/|\n.\"'`"), max_size=12)
marked = st.lists(words | marks, max_size=6).map("".join)


def judged(verifier: str, response: str, reference: object, opened: Opened | None = None) -> bool:
    sample = Sample("s", (), response, reference, thinking=opened)
    return load_verifier(verifier).judge(sample).is_correct


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_each_family_opens_and_closes(opening: str, closing: str) -> None:
    parts = parted(f"\n{opening}why </b> so{closing}\nFour.")
    assert parts.thinking is not None and parts.thinking.strip() == "why </b> so"
    assert (parts.answer.strip(), parts.blocks, parts.is_closed) == ("Four.", 1, True)
    if not opening.startswith("Here"):  # an answer may say that too
        assert parted(f"{opening}why") == parted(f"{opening}why", "none")
        assert (final_part(f"{opening}why"), parted(f"{opening}why").is_closed) == ("", False)


@pytest.mark.parametrize(("opening", "closing"), PAIRS[:-1])
def test_the_template_may_have_opened_it(opening: str, closing: str) -> None:
    response = f"why \\boxed{{3}}{closing}Four."
    assert opened_by(f"<|user|>2+2?<|assistant|>{opening}\n") == "open"
    assert final_part(response, "open").strip() == "Four."
    assert final_part("why so", "open") == ""
    assert final_part(f"{opening}why{closing}Four.", "open").strip() == "Four."  # repeated
    assert final_part(f"Use {closing}.", "none") == f"Use {closing}."


@pytest.mark.parametrize(
    ("prompt", "opened"),
    [
        ("<|im_start|>assistant\n", "none"),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", "none"),
        ("<|im_start|>assistant\n<think>\n", "open"),
        ("What is <think>?<|im_end|>\n<|im_start|>assistant\n", "none"),
        ("[INST]What is <think>?[/INST]", "none"),
        ("Question: what is <think>?\nAnswer:", None),
        ("<think>\nOkay, ", None),
        ("", "none"),
    ],
)
def test_a_prompt_says_whether_it_is_open(prompt: str, opened: Opened | None) -> None:
    assert opened_by(prompt) == opened


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("hm</think> 4", " 4"),
        ("</think>4", "4"),
        ("so \\boxed{5}</think> it is", "so \\boxed{5}</think> it is"),
        ("```\nx\n```\n</think>", "```\nx\n```\n</think>"),
        ('[note(body="x </think> y")]', '[note(body="x </think> y")]'),
        ('{"a": 1} is what I got: "x".</think> y', " y"),
        ("It's {'a': 'b'} or [\"c\", 5](d)</think> y", " y"),
        ('I write {"a: 5 </think> y', " y"),
        ('["a", "b"] or {"c":\n"d"}\n</think>["e"]', '["e"]'),
        ("f(x=1), so</think> y", " y"),
        ("Use {'a': [1,2. That's all I need</think>5", "5"),
        ("Well {'a': 'b' is the workers' one</think>5", "5"),
        ('["a", it\'s</think>5', "5"),
        ('So {"a": "it is</think>5', "5"),
        ('So {"a": "it is</think>The "best" is "5".', 'The "best" is "5".'),
        ('So {"a": "it is</think>{"b": "5"}', '{"b": "5"}'),
        ('So {"a": ["it is</think>[1, 2]}', "[1, 2]}"),
        *((f"{mark} x </think> y", f"{mark} x </think> y") for mark in CALL_MARKS),
        ("Write <think> first, </think> last.", "Write <think> first, </think> last."),
        ("Strip `</think>` or '</think>'.", "Strip `</think>` or '</think>'."),
        ("Well <think>hm", "Well <think>hm"),
        ("<think>a</think>\n<think>b</think>c", "c"),
        ("<think>a</think><think>b", ""),
        ("<think>strip '</think>' first</think>ok", "ok"),
        ("<think>In the '90s, don't strip '</think>'</think>ok", "ok"),
        ('<think>5" wide, "</think>" and \'</think>\', f("a", "</think>")</think>ok', "ok"),
        ('<think>\u300c\u5220\u9664"</think>"\u300d</think>ok', "ok"),
        ("<think>\u201ca\u201d, \u201c</think>\u201d</think>ok", "ok"),
        ('<think>so "no\nway, strip "</think>"</think>ok', "ok"),
        ("<think>```x```</think>```py\nx\n```", "```py\nx\n```"),
        ("<think>a</thinking>b</think>c", "c"),
        ("<think>a</think>b</think>c", "b</think>c"),
    ],
)
def test_where_nothing_is_known_structure_decides(response: str, answer: str) -> None:
    assert final_part(response) == answer


def test_messages_of_harmony() -> None:
    start, final = "<|start|>assistant", "<|channel|>final<|message|>"
    thought = "<|channel|>analysis<|message|>hm<|end|>"
    said = "<|channel|>commentary<|message|>I look.<|end|>"
    call = (
        '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": "<|end|>"}<|call|>'
    )
    assert final_part(f"{thought}{start}{final}4 <|channel|> 5<|return|>") == "4 <|channel|> 5"
    assert final_part(f"{thought}{start}{said}{start}{final}4") == "4"
    assert final_part(f"{thought}{start}{said}") == "I look."
    assert final_part(f"{thought}{start}{call}") == f"{start}{call}"
    assert final_part(f"{thought}{start}{thought}{start}{call}") == f"{start}{call}"
    assert final_part(f"{start}{final}4<|return|>") == "4"
    assert final_part(thought) == ""


@given(marked, marked, st.sampled_from(PAIRS[:6]))
def test_what_follows_the_thinking_comes_out_whole(
    thought: str, answer: str, pair: tuple[str, str]
) -> None:
    opening, closing = pair
    thought = "".join(thought.split(closing))
    if has_closing(thought):
        thought = "hm"
    parts = parted(f"{opening}{thought}{closing}So {answer}")
    assert (parts.thinking, parts.answer) == (thought, f"So {answer}")
    assert parted(f"So {answer}", "none").answer == f"So {answer}"


@given(
    st.text("ab .,\n", max_size=8),
    st.text("ab .!?'", max_size=8),
    marked,
    st.sampled_from(PAIRS[:6]),
    st.sampled_from("\"`'"),
)
def test_a_quotation_may_end_the_thinking_and_another_begin_the_answer(
    thought: str, quoted: str, answer: str, pair: tuple[str, str], mark: str
) -> None:
    opening, closing = pair
    quoted = "".join(quoted.split(mark))
    thought = f"{thought} {mark}{quoted}a{mark}"
    for opened in (None, "none", "open"):
        begun = "" if opened == "open" else opening
        parts = parted(f"{begun}{thought}{closing}{mark}So {answer}", opened)  # type: ignore[arg-type]
        assert (parts.thinking, parts.answer) == (thought, f"{mark}So {answer}")


DATA = [
    '[{"note": {"body": "x MARK y"}}]',
    '{"note": {"body": "x MARK y"}}',
    '{"arguments": {"body": "x MARK y"}, "name": "note"}',
    '{"id": 1, "arguments": {"n": [1, {"a": "\\"b\\""}], "body": "x MARK y"}, "name": "note"}',
    'Sure: {"note": {"body": "x MARK y"}}',
    '{"note": {"body": "it\'s {"}}\n{"note": {"body": "x MARK y"}}',
    "{'note': {'body': 'x MARK y'}}",
    '["a", "x MARK y"]',
    '[["x MARK y"]]',
    'note(body="x MARK y")',
    "note(to='a', body='x MARK y')",
    "note(to='a', body=r'x MARK y')",
    'note(body="a")\nnote(body="x MARK y")',
]


@pytest.mark.parametrize("text", DATA)
@pytest.mark.parametrize("mark", ["</think>", "[/THINK]", "</thinking>", "<channel|>"])
@pytest.mark.parametrize("blank", ["", "\n\n"])
def test_a_mark_in_a_text_of_data_is_the_answers(text: str, mark: str, blank: str) -> None:
    answer = blank + text.replace("MARK", mark)
    assert final_part(answer) == answer
    assert final_part(f"hm\n{mark}{answer}") == answer
    assert final_part(f"hm\n{mark}{answer}", "open") == answer


@given(marked)
def test_parting_takes_any_text_and_loses_nothing_of_an_answer(text: str) -> None:
    for opened in (None, "none", "open"):
        parts = parted(text, opened)  # type: ignore[arg-type]
        assert text.endswith(parts.answer) or "<|channel|>" in text
        assert parts.is_closed or not parts.answer
        is_one_block(text, opened)  # type: ignore[arg-type]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("thinking", ["", "<think>hm</think>\n", "[THINK]hm[/THINK]"])
def test_marks_in_an_answer_destroy_nothing(mark: str, thinking: str) -> None:
    program = f"x = {mark!r}\nprint(1)  # after {mark}\n"
    assert last_program(f"{thinking}Run:\n```python\n{program}```")[0] == program
    assert judged("math", f"{thinking}I boxed \\boxed{{4}} after {mark}.", "4", "none")
    call = {"name": "note", "arguments": {"body": f"x {mark} y"}}
    for text in (
        f"<tool_call>{json.dumps(call)}</tool_call>",
        f"[TOOL_CALLS][{json.dumps(call)}]",
        f"[note(body={call['arguments']['body']!r})]",  # type: ignore[index]
        f"<tool_call>\n<function=note>\n<parameter=body>\nx {mark} y\n</parameter>\n</function>"
        "\n</tool_call>",
    ):
        parsed = parse_calls(thinking + text, tools=[{"name": "note"}])
        assert parsed.calls == (ToolCall("note", call["arguments"]),)  # type: ignore[arg-type]
    forbidden = [{"id": "keywords:forbidden_words", "forbidden_words": ["hidden"]}]
    assert not judged("constraints", f"{thinking}A hidden mark {mark} is one.", forbidden, "none")


@pytest.mark.parametrize(
    ("response", "opened", "fits"),
    [
        ("hm</think> 4", "open", True),
        ("hm</think> 4", "none", False),
        ("hm, 4", "open", False),
        ("<think>hm</think> 4", "none", True),
        ("<think>hm</think> 4", "open", True),
        ("<think>hm", "none", False),
        ("</think> 4", "open", False),
        ("<think>hm</think>", None, False),
        ("[THINK]hm[/THINK]4", None, True),
        ('<think>hm</think> print("<think>a</think>")', None, True),
        ("<think>hm</think>\n```\n<think>\nx\n</think>\n```", None, True),
        ("<think>hm</think> Begin with <think> and end.", None, True),
        ("<think>hm</think> a\n</think>\nb", None, False),
        ("<think>a <think>b</think> c</think> d", None, False),
        ("<think><think>a</think> b", None, False),
        ("<think>a</think><think>b</think> c", None, False),
    ],
)
def test_the_form_think(response: str, opened: Opened | None, fits: bool) -> None:
    assert is_one_block(response, opened) is fits


UNITS = (
    "\t", "<", "`", "`````\n", "```\n", '"', '\\"', "{ ", "\n[a", "<a:", "<think>", "</think>",
    "'</think>' ", "<think></think>", '"a"</think>"', '{"a":', '["', "f(a=", '\n["a', "{'a':'",
    "\n[", "\nf(", '{"a": "\n', "<|start|>", "<|channel|>a", "<|channel|>b<|message|>",
    "<|channel|>analysis<|message|><|end|>", "<|end|><|start|>assistant",
    "Here is my thought process:",
)  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_time_is_linear(unit: str) -> None:
    def seconds(times: int) -> float:
        text = unit * times

        def read() -> None:
            is_one_block(text)
            is_one_block(f"<think>a</think>b {text}")
            final_part(text, "open")
            final_part(f"{text}x</think>y")

        return least_seconds(read)

    small = max(0.002, seconds(5_000))
    assert seconds(40_000) < 3 * 8 * small  # of the square: 64
