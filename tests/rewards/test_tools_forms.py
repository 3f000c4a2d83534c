"""Every public form of a call is read; what looks like one and is not read is no abstention."""

import json
from typing import Any

import pytest

from rewards import Sample, load_verifier
from rewards.options import configure
from rewards.tools import FORMATS, ToolCall, called_tool, match_calls, parse_calls
from tests.tool_forms import BAR, RENDER

PROPERTIES = {"hotel": {"type": "string"}, "nights": {"type": "integer"}}
TOOLS = (
    {"name": "book_room", "parameters": {"type": "object", "properties": PROPERTIES}},
    {"name": "fs.open", "parameters": {"type": "object", "properties": {}}},
)
CALL = {"name": "book_room", "arguments": {"hotel": "Ritz", "nights": 2}}
JSON = '{"name": "book_room", "arguments": {"hotel": "Ritz", "nights": 2}}'
ARGUMENTS = '{"hotel": "Ritz", "nights": 2}'
PYTHON = 'book_room(hotel="Ritz", nights=2)'
NAMESPACE = "ant" + "ml:"


def judge(response: str, reference: Any, tools: Any = TOOLS, **options: Any) -> Any:
    sample = Sample("1", (), response, reference, "tool", tools)
    return configure(load_verifier("tool"), options).judge(sample)


def xml(prefix: str, wrapper: str, kind: str = "") -> str:
    values = "".join(
        f'<{prefix}parameter name="{k}"{kind and kind.format(is_text)}>{v}</{prefix}parameter>\n'
        for k, v, is_text in (("hotel", "Ritz", "true"), ("nights", "2", "false"))
    )
    inner = f'<{prefix}invoke name="book_room">\n{values}</{prefix}invoke>'
    return f"<{prefix}{wrapper}>\n{inner}\n</{prefix}{wrapper}>"


GLM = (
    "<arg_key>hotel</arg_key>{0}<arg_value>Ritz</arg_value>{0}"
    "<arg_key>nights</arg_key>{0}<arg_value>2</arg_value>{0}"
)
CODER = (
    "<function=book_room>\n<parameter=hotel>\nRitz\n</parameter>\n"
    "<parameter=nights>\n2\n</parameter>\n</function>"
)
COMMENTARY = "<|channel|>commentary"
ANALYSIS = "<|channel|>analysis<|message|>I need book_room.<|end|><|start|>assistant"
CALLS = [
    "<tool_call>book_room\n" + GLM.format("\n") + "</tool_call>",
    "Well.<tool_call>book_room" + GLM.format("") + "</tool_call>",
    "<tool_calls>\n<tool_call>book_room<tool_sep>\n" + GLM.format("\n")
    + "</tool_call>\n</tool_calls>",
    f"functions.book_room:0{ARGUMENTS}",
    f"I will.functions.book_room:3{ARGUMENTS}",
    f"<|start|>assistant to=functions.book_room{COMMENTARY} json<|message|>{ARGUMENTS}<|call|>",
    f"{ANALYSIS}{COMMENTARY} to=functions.book_room <|constrain|>json<|message|>{ARGUMENTS}",
    f"{COMMENTARY}<|message|>I will.<|end|><|start|>assistant to=functions.book_room{COMMENTARY}"
    f"<|message|>{ARGUMENTS}<|call|>",
    f"commentary to=functions.book_room json{ARGUMENTS}",
    xml(f"{BAR}DSML{BAR}", "function_calls", ' string="{}"'),
    xml(f"{BAR}DSML{BAR}", "tool_calls", ' string="{}"'),
    xml("", "function_calls"),
    xml(NAMESPACE, "function_calls"),
    xml("", "minimax:tool_call"),
    xml("", "dots_function_call"),
    xml("steptml:", "calls")
    .replace("<steptml:calls>", f"<{BAR}tool_call_begin{BAR}>function<{BAR}tool_sep{BAR}>")
    .replace("</steptml:calls>", f"<{BAR}tool_call_end{BAR}>"),
    f"<tool_calls>\n{JSON}\n</tool_calls>",
    f"<tool_calls>[{JSON}]</tool_calls>",
    "<|tool_call>call:book_room{hotel:<|\"|>Ritz<|\"|>,nights:2}<tool_call|>",
    "<start_function_call>call:book_room{hotel:<escape>Ritz<escape>,nights:2}<end_function_call>",
    f"```tool_code\n{PYTHON}\n```",
    f"I will.\n```tool_code\nprint({PYTHON})\n```",
    f"<function_calls>\n{PYTHON}\n</function_calls>",
    f"<|tool_call_start|>[{PYTHON}]<|tool_call_end|>",
    f"I will.\n{PYTHON}",
    f"```function_call\n{PYTHON}\n```",
    f"<|python_tag|>[{JSON}]<|eom_id|>",
    '<|python_tag|>{"name": "book_room", "parameters": ' + json.dumps(ARGUMENTS) + "}",
    '[TOOL_CALLS] [{"name": "book_room", "arguments": ' + json.dumps(ARGUMENTS) + "}]",
    f"`{PYTHON}`",
    '<|START_ACTION|>[\n{"tool_call_id": "0", "tool_name": "book_room", "parameters": '
    + ARGUMENTS + "}\n]<|END_ACTION|>",
    'Action: ```json\n[{"tool_name": "book_room", "parameters": ' + ARGUMENTS + "}]\n```",
    f"<tool_call>[{JSON}]",
    f"<|tool_call|>[{JSON}]",
    f"<function_call> {JSON}",
    f"functools[{JSON}]",
    f"<|action_start|><|plugin|>\n{JSON}<|action_end|>",
    '<|tools_prefix|>[{"book_room": ' + ARGUMENTS + "}]<|tools_suffix|>",
    f"<TOOLCALL>[{JSON}]</TOOLCALL>",
    f">>>all\nI will.\n>>>book_room\n{ARGUMENTS}",
    f">>>all\nI will.>>>book_room\n{ARGUMENTS}",
    f"book_room\n{ARGUMENTS}",
    '{"type": "function", "function": {"name": "book_room", "parameters": ' + ARGUMENTS + "}}",
    'So: {"type": "function", "function": {"name": "book_room", "parameters": ' + ARGUMENTS + "}}",
    f"<|from|>assistant\n<|recipient|>book_room\n<|content|>{ARGUMENTS}<|stop|>",
    f"<seed:tool_call>\n{CODER}\n</seed:tool_call>",
    f"<function=book_room>{ARGUMENTS}</function>",
    f"<|tool_call_start|>\n```python\n{PYTHON}\n```\n<|tool_call_end|>",
    "<invoke>\n<tool_name>book_room</tool_name>\n<parameters>\n<hotel>Ritz</hotel>\n"
    "<nights>2</nights>\n</parameters>\n</invoke>",
]  # fmt: skip


@pytest.mark.parametrize("text", CALLS)
def test_a_call_is_read_in_every_form(text: str) -> None:
    assert judge(text, [CALL]).is_correct, judge(text, [CALL]).reason
    assert not judge(text, []).is_correct
    assert called_tool(text, tools=TOOLS) == "called the tool book_room"


@pytest.mark.parametrize("end", ["\n```", "```", "\n```\nThat is ```it```.", "\n  ```  \n"])
def test_a_fence_in_an_argument_closes_no_block(end: str) -> None:
    call = {"name": "book_room", "arguments": {"hotel": "a ```Ritz``` b"}}
    text = f"I will.\n```tool_code\nbook_room(hotel='a ```Ritz``` b'){end}"
    assert judge(text, [call]).is_correct, judge(text, [call]).reason


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>\n<tool_call name=\"book_room\" arguments={ARGUMENTS}/>\n</tool_call>",
        f"<tool_call>{PYTHON}</tool_call>",
        f"Thought: I need it.\nAction: book_room\nAction Input: {ARGUMENTS}",
        "Action: book_room[Ritz, 2]",
        f"✿FUNCTION✿: book_room\n✿ARGS✿: {ARGUMENTS}",
        f"<functioncall> {{\"name\": \"book_room\", \"arguments\": '{ARGUMENTS}'}}",
        f"<execute_tool>{PYTHON}</execute_tool>",
        "<book_room>\n<hotel>Ritz</hotel>\n</book_room>",
        "<tool_use><name>book_room</name></tool_use>",
        f'{{"tool": "book_room", "args": {ARGUMENTS}}}',
        f'So: {{"action": "book_room", "action_input": {ARGUMENTS}}}',
        f'{{"name": "book_room", "input": {ARGUMENTS}}}',
        f'{{"functionCall": {{"name": "book_room", "args": {ARGUMENTS}}}}}',
        f'{{"recipient_name": "functions.book_room", "parameters": {ARGUMENTS}}}',
        "{'name': 'book_room', 'arguments': {'hotel': 'Ritz'}}",
        '<|open|>tools<|sep|><|open|>call tool="book_room" index="1"<|sep|>',
        f"function book_room\n```json\n{ARGUMENTS}\n```".replace(" ", "", 1),
        "call:book_room{hotel:Ritz,nights:2}",
        f"book_room({ARGUMENTS})",
        'book_room("Ritz", 2)',
        f"room = {PYTHON}",
        PYTHON.removesuffix(")"),
        f"```tool_code\nprint({PYTHON}[0])\n```",
        f"```tool_code\n{PYTHON}",
        '<|tool_call>call:book_room{hotel:<|"|>Ritz',
        "<|channel|>commentary to=functions.book_room<|message|>hotel=Ritz<|call|>",
        "<|tool_calls_section_begin|><|tool_calls_section_end|>",
        f"<|tool_call_begin|>book_room<|tool_call_argument_begin|>{ARGUMENTS}<|tool_call_end|>",
        xml("", "function_calls").replace("</invoke>", ""),
        "<tool_call>book_room" + GLM.format("").removesuffix("</arg_value>") + "</tool_call>",
        xml(f"{BAR}DSML{BAR}", "tool_calls"),
        xml(f"{BAR}DSML{BAR}", "tool_calls", ' string="{}"').replace(">2<", ">two<"),
        f"<tool_calls>[{JSON}]",
        f"<<function>>{PYTHON}",
        "book_room\n```python\ntool_call(hotel='Ritz', nights=2)\n```",
        xml("", "xai:function_call").replace("invoke", "call"),
        '<book_room hotel="Ritz" nights="2"/>',
        f'{{"nme": "book_room", "arguments": {ARGUMENTS}}}',
        f'{{"toolcalls": [{{"name": "book_room", "arguments": {ARGUMENTS}}}]}}',
        f'"name": "book_room", "arguments": {ARGUMENTS}}}',
        f"<functio=book_room>{ARGUMENTS}</function>",
        ">>>book_room\n",
        f"```python\n{PYTHON})\n```",
        f"<|channel|>commentary t=functions.book_room json<|message|>{ARGUMENTS}<|call|>",
        "<|channel|>commentary<|message|>I will.<|end|><|start|>assistant<|channel|>commentary "
        "to=functions.book",
        f"book_room: {ARGUMENTS}",
        "functions.book_room:0",
        f"I will.\n\nfunctions.book_room({ARGUMENTS})",
        'I will.\n\nbook_room("Ritz", 2)',
        'I will.\nbook_room(hotel: "Ritz", nights: 2)',
        f"@{PYTHON}",
        f"[TOOL_CALLS]book_room[ARGS]{ARGUMENTS}book_room[ARGS]{ARGUMENTS}",
        f"I will:\n1. {PYTHON}",
        f"- {PYTHON}",
        f"**{PYTHON}**",
        f"<answer>{PYTHON}</answer>",
        f"-> {PYTHON}  # books it",
        f"\\boxed{{{PYTHON}}}",
        "I will.\n* book_room(nights: 2)",
        f"I will.\n\n```python\n{PYTHON}\n```",
        f"```\n{PYTHON}\n```\nDone.",
        f"tool_call: {PYTHON}",
        f"[Calling tool: book_room({ARGUMENTS})]",
        f"[Tool: book_room]\n{ARGUMENTS}",
        f"I will: [FunctionCall(name='book_room', args={ARGUMENTS})]",
        f'{{"name": book_room, "parameters": {ARGUMENTS}}}',
        'Action: ```json\n[{"tool_name": "no_such", "parameters": ' + ARGUMENTS + "}]\n```",
    ],
)  # fmt: skip
def test_what_looks_like_a_call_is_no_abstention(text: str) -> None:
    for reference in ([], [CALL]):
        verdict = judge(text, reference)
        assert verdict.reason.startswith("format: "), verdict
        assert verdict.reward == -1.0
    assert called_tool(text, tools=TOOLS) is not None


@pytest.mark.parametrize(
    "text",
    [
        "The tool book_room needs a hotel, and you name none.",
        f"I will not call {PYTHON}, as you asked.",
        f"You asked me not to use [{PYTHON}], so I wait.",
        f"I cannot run {JSON} today.",
        f"There is no need for [{PYTHON}].",
        f"没有必要调用 [{PYTHON}]。",
        f"A call such as `{JSON}` books a room. Which hotel?",
        f'You wrote "[{PYTHON}]", which has no date.',
        f"> [{PYTHON}]\n\nThat is what you wrote.",
        "A call begins with `<tool_call>`, but I need none.",
        'The mark "[TOOL_CALLS]" is Mistral\'s.',
        "```python\ndef book_room(hotel=\"Ritz\"):\n    return 1\n```",
        f"```python\nroom = {PYTHON}\n```\nThat is how one would book it.",
        "std::function<int(int)> f; vector<tool> t; a<b and b>c",
        "<table><tr><td>1</td></tr></table>",
        "Action: I go home.",
        "Function: f(x)\nInput: x",
        "Tool: book_room (it needs a hotel and nights)",
        "The tools are:\nbook_room(hotel, nights)\nlook_up(word)",
        "The tools are:\n- book_room(hotel, nights=2)\n- fs.open(path) for 'paths' (of files)",
        "```python\nbook_room(hotel, nights)\n```\nis how it is called.",
        "As in:\nf(\"x\") = 5",
        f'It is written as `"name": "book_room", "arguments": {ARGUMENTS}`, with braces around it.',
        'The names are "book_room", "fs.open" and {"more"}.',
        f"The form `[{JSON}]`: what is in it does not count here.",
        f'You wrote "[{JSON}, 5]", which is odd.',
        "<br/> and <img src='book_room'/>",
        'Action: ```json\n[{"tool_name": "directly_answer", "parameters": {}}]\n```',
        '{"type": "function", "function": {"name": "book_room", "parameters": {"type": "object", '
        '"properties": {"hotel": {"type": "string"}}}}}',
        '{"answer": "the mark <tool_call> begins a call"}',
        "<tool_response>booked</tool_response> is what the tool says.",
        "<|channel|>final<|message|>Which hotel?<|return|>",
        f"{ANALYSIS}<|channel|>final<|message|>Which hotel?",
        "<|channel|>commentary<|message|>I ask first: which hotel?<|end|>",
        "5", "Да.", "不需要。", "[]", "👍",
    ],
)  # fmt: skip
def test_prose_about_calls_is_text(text: str) -> None:
    verdict = judge(text, [])
    assert verdict.is_correct, verdict
    assert called_tool(text, tools=TOOLS) is None


@pytest.mark.parametrize("call", [f"[{PYTHON}]", JSON])
@pytest.mark.parametrize(
    "words",
    [
        "Since I do not know the date I call {}",
        "I have never been there so I will call {} for you.",
        "Without a date I'll use {}",
        "Rather than ask again I am calling {}",
        "As it isn't clear yet let me try {}",
        "You cannot see it but here is {}",
        "I won't wait and then I simply run {}",
        "我不知道日期所以调用 {}",
        "我没有日期我现在调用 {}",
        "Я не знаю даты поэтому вызываю {}",
        "Non conosco la data quindi uso {}",
        "Senza una data chiamo {}",
        "Ohne Datum rufe ich {}",
        "Sans date j'appelle {}",
        "I do not know it so I call {}",
        "I do not know the date and I will call {}",
        "I don't have it so I should call {} first",
        "I do not know it but will call {}",
        "I do not have it therefore I use {}",
        "Not knowing the date I call {}",
        "Ich kenne das Datum nicht also rufe ich {}",
        "Weil ich kein Datum kenne rufe ich {}",
        "Без даты я вызываю {}",
        "Sin fecha uso {}",
    ],
)
def test_a_not_that_belongs_to_something_else_negates_no_call(words: str, call: str) -> None:
    text = words.format(call)
    assert judge(text, [CALL]).is_correct, judge(text, [CALL])
    assert not judge(text, []).is_correct


@pytest.mark.parametrize("call", [f"[{PYTHON}]", JSON])
@pytest.mark.parametrize(
    "words",
    [
        "I will not call {} today.",
        "Do not use {} yet.",
        "I do not know the date so I will not call {} today.",
        "I do not think I should call {} here.",
        "I don't see why we would need {} at all.",
        "Without {} I cannot book it.",
        "I never run {} unasked.",
        "Instead of {} I would ask first.",
        "我不会调用 {} 的。",
        "不需要我调用 {}。",
        "Я не вызываю {} без даты.",
        "Non chiamo {} senza una data.",
        "Ich rufe nicht {} auf.",
        "I don't think I will call {} for this.",
        "It is not necessary that I call {} now.",
        "I'm not sure that I will call {} now.",
        "I'm not so sure I will call {} now.",
        "I cannot see why we run {} here.",
        "I do not know if I will use {} here.",
        "I will not also call {} now.",
        "I would not then call {} now.",
        "I will not therefore call {} now.",
        "I do not want to so use {} here.",
        "I should not go and then use {} now.",
        "I'm not saying I'll use {} now.",
        "I never said we use {} here.",
        "I never say so I call {} here.",
        "I won't do it so I can call {} later.",
        "I don't believe it is right that then I call {} here.",
        "Since I do not think I will call {} I ask.",
        "You do not let me use {} now.",
        "It is not the tool I use {} for.",
        "Non penso che uso {} oggi.",
        "Sans que j'appelle {} rien.",
        "Не думаю что я вызываю {} сегодня.",
        "Я не буду тогда вызывать {} сегодня.",
        "我不认为我将调用 {} 的。",
        "我不会因此调用 {} 的。",
        "不需要我先调用 {}。",
    ],
)
def test_a_not_that_belongs_to_a_call_negates_it(words: str, call: str) -> None:
    text = words.format(call)
    assert judge(text, []).is_correct, judge(text, [])
    assert not judge(text, [CALL]).is_correct


OTHER = '{"tool": "cancel_room", "args": {"id": 1}}'


@pytest.mark.parametrize(
    "text",
    [
        "cancel_room(id=1)", "cancel_room()", "cancel_room(1)", 'cancel_room("Ritz", 2)',
        "refund()", 'refund("Ritz", 2)', 'cancel_room({"id": 1})', "cancel_room(hotel=Ritz)",
        "f(a=1)",
        "[cancel_room(hotel=Ritz)]", '[cancel_room("Ritz")]', "`cancel_room(id=1)`",
        "x = cancel_room(id=1)", "await cancel_room(id=1)", "1. cancel_room(id=1)",
        '- cancel_room("Ritz")', "print(cancel_room(id=1))", "cancel_room(id=1).",
        "cancel_room(id=1)\nrefund(id=2)", "cancel_room(id=1), refund(id=2)",
        "```python\ncancel_room(id=1)\n```", "```\n[cancel_room(id=1)]\n```",
        "<think>hm</think>cancel_room(id=1)", 'cancel_room(id="<tool_call>")',
        OTHER, f"[{OTHER}]", f"{OTHER} {OTHER}", f"{OTHER}\n{OTHER}", f"```json\n{OTHER}\n```",
        f"`{OTHER}`", OTHER.replace("1", '"<tool_call>"'), OTHER.replace('"', "'"),
        '{"action": "cancel_room", "action_input": {"id": 1}}',
        '{"name": "cancel_room", "input": {"id": 1}}', '{"toolName": "refund", "params": {}}',
        '{"name": "cancel_room", "arguments": {"id": 1}',
        '{"recipient_name": "functions.cancel_room", "parameters": {"id": 1}}',
        '{"function_call": {"name": "cancel_room", "args": {}}}',
        '{"toolCalls": [{"name": "cancel_room", "args": "{\\"id\\": 1}"}]}',
        '{"id": "c1", "type": "function", "tool": "cancel_room", "args": {"id": 1}}',
        '{"thought": "I must.", "action": "cancel_room", "action_input": {"id": 1}}',
        '{"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "refund", "arguments": {}}}',
        "functions.cancel_room(id=1)", "cancel_room(id=1)\nprint(x=1)",
        "```tool_code\nfib(n=1)\n```", "```tool_code\nhotel.cancel(id=1)\n```",
    ],
)  # fmt: skip
def test_a_text_that_is_a_call_is_no_abstention_whatever_it_names(text: str) -> None:
    assert judge(text, []).reward == -1.0, text
    assert judge(text, [], format="hermes").reward == -1.0, text
    assert called_tool(text.replace("<tool_call>", ""), tools=TOOLS) is None  # text may be JSON


@pytest.mark.parametrize(
    "text",
    [
        "Yes(No)", "f(x) = 2", "f(2)", "O(1)", "O(n log n)", "P(A|B)", "sin(x)", "(a)(b)",
        "print(1) shows 1.", 'I would write cancel_room("Ritz").', f"So: {OTHER}",
        "The call cancel_room(id=1) is none of mine.",
        "The answer:\ncancel_room(id=1)\nis how one writes it.",
        '```python\nprint("hi")\n```', "```python\nprint(len(x))\n```",
        '{"answer": 4}', '{"result": {"a": 1}}', '{"name": "Ann", "age": 3}',
        '{"name": "Ann", "parameters": "none"}', '{"tool": null, "args": {}}',
        '{"tool": "none", "args": {}}', '{"action": "wait", "until": {"hour": 5}}',
        '{"action": "Final Answer", "action_input": {"text": "Sunny."}}',
        '{"action": "Final Answer", "action_input": "Sunny."}',
        '{"tools": [{"name": "f", "parameters": {"type": "object", "properties": {}}}]}',
        '{"method": "subtract", "params": {"a": 1}, "jsonrpc": "2.0", "id": 1}',
        '{"method": "GET", "params": {"q": "x"}}', '{"method": "POST", "params": {"q": 1}',
        '{"action": "create", "params": {"q": 1}, "colour": "red"}',
        '```yaml\n{"name": "Setup", "inputs": {"node": "20"}}\n```',
        '{"action": "clarify", "parameters": {"which": "hotel"}}',
        '{"action": "ask_user", "args": {"question": "Which?"}}',
        '{"tool": "no_tool_available", "arguments": {}}',
        "```python\nrequests.get(url='x')\n```", "```\nplt.show()\n```", "plt.show()",
        "```python\nPoint(x=1, y=2)\n```", "```\nfib(n=10)\n```", "```\nx.sort(reverse=True)\n```",
        "requests.get(url='x')", "x.sort(reverse=True)", "main()", "sorry()", "np.zeros((3, 4))",
        'print("I cannot do that")', "print(sorted([3, 1]))",
        "log_2(8)", "a_n(3)", "x_1(2)", "C_n(5)", "log_10(100)", "x = a_n(3)",
    ],
)  # fmt: skip
def test_a_text_that_only_looks_a_little_like_a_call_is_text(text: str) -> None:
    assert judge(text, []).is_correct, judge(text, [])
    assert called_tool(text, tools=TOOLS) is None


@pytest.mark.parametrize("text", [".", "...", "。", "`", "**", "<|im_end|>", "- -"])
def test_a_full_stop_says_nothing(text: str) -> None:
    assert judge(text, []).reason == "content: neither a call nor a text"


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_another_form_than_the_one_asked_for_is_no_abstention(format: str) -> None:
    for text in (f"[{PYTHON}]", f"<tool_call>\n{JSON}\n</tool_call>", CALLS[6], CALLS[3]):
        assert not judge(text, [], format=format).is_correct
    assert judge("Which hotel?", [], format=format).is_correct


# ------------------------------------------------------- marks in arguments

MARKS = [
    "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<function=y>", "</function>", "</parameter>",
    "</think>", "<think>", "[/THINK]", "<|channel|>", "<|call|>", "<|python_tag|>", "```",
    f"```json\n{JSON}\n```", "</tool_calls>", "functools[", '<invoke name="f">', "</invoke>",
    "</function_calls>", "<tool_call|>", "<|im_end|>", "functions.f:0{",
    "Action: x\nAction Input: y", PYTHON, f"[{PYTHON}]", JSON, "to=functions.f", "</arg_value>",
    "<|END_ACTION|>", "it's \"so\"",
    "\\n", "'", '"', ">>>book_room\n{",
]  # fmt: skip


@pytest.mark.parametrize("format", sorted(RENDER))
def test_marks_in_an_argument_are_text(format: str) -> None:
    for mark in MARKS:
        for value in (mark, f"x {mark} y", f"a\n{mark}\nb"):
            call = ToolCall("book_room", {"hotel": value})
            text = RENDER[format]([call])
            for before in ("", "I will.\n\n") if format != "openai" else ("",):
                parsed = parse_calls(before + text, tools=TOOLS)
                wanted = [{"name": call.name, "arguments": call.arguments}]
                assert match_calls(parsed.calls, wanted), (text, parsed)
