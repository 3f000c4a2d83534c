"""Declarations as data sets have them: names, types, and what a text stands for."""

from typing import Any

import pytest

from rewards import Sample, load_verifier
from rewards.options import configure
from rewards.tools import ToolCall
from tests.tool_forms import RENDER


def judge(response: str, reference: Any, tools: Any = (), **options: Any) -> Any:
    sample = Sample("1", (), response, reference, "tool", tools)
    return configure(load_verifier("tool"), options).judge(sample)


def declared(name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name, "parameters": parameters}}]


@pytest.mark.parametrize(
    "name",
    ["look-up.user", "查询", "Market Trends API", "a:b", "v1/users", "ns::f", "f.1", "2fa.verify",
     "Größe", "class", "print", "import", "Maps & Ways"],
)  # fmt: skip
def test_names_that_python_does_not_have(name: str) -> None:
    tools = declared(name, {"type": "object", "properties": {"id": {"type": "string"}}})
    call = f'{name}(id="7")'
    for text in (
        f"[{call}]", call, f"Sure: [{call}]", f"Sure.\n{call}", f"```tool_code\n{call}\n```",
        f"<function_calls>\n{call}\n</function_calls>", f"<|python_start|>[{call}]<|python_end|>",
    ):  # fmt: skip
        assert judge(text, [{"name": name, "arguments": {"id": "7"}}], tools).is_correct, text


@pytest.mark.parametrize(
    "key", ["from", "class", "in", "is", "lambda", "None", "match", "type", "user-id", "$top", "名"]
)
def test_arguments_that_python_does_not_have(key: str) -> None:
    tools = declared("f", {"type": "object", "properties": {key: {"type": "string"}}})
    for text in (f'[f({key}="a")]', f"f(b='x', {key} = 'a')", f'Sure.\nf({key}="a",)'):
        arguments = {key: "a"} | ({"b": "x"} if "b=" in text else {})
        assert judge(text, [{"name": "f", "arguments": arguments}], tools).is_correct, text


PYTHON_TYPES = [
    ("str", "Ritz"), ("str, optional", "Ritz"), ("int", 5), ("int, optional", 5),
    ("List[int]", [1, 2]), ("float", 1.5), ("bool", True), ("Dict[str, int]", {"a": 1}),
    ("List[Tuple[int, int]]", [[1, 2]]), ("Union[int, str]", 5), ("Union[int, str]", "five"),
    ("Callable[[float], float]", "lambda x: x"), ("Optional[str]", "x"), ("set", [1]),
    ("List[Union[int, float]]", [1, 2.5]), ("Any", 5), ("Literal['a', 'b']", "a"),
    ("str | None", "x"), ("int | None", 3), ("np.ndarray", [1]), ("datetime", "2020-01-01"),
    ("STRING", "x"), ("dict", {"a": "x"}), ("tuple", [1, 2]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), PYTHON_TYPES)
def test_python_s_names_of_types(kind: str, value: Any) -> None:
    schema = {"p": {"description": "d", "type": kind}}
    call = ToolCall("w", {"p": value})
    for parameters in (schema, {"type": "dict", "properties": schema, "required": ["p"]}):
        for format in ("hermes", "qwen3_coder", "glm45"):
            text = RENDER[format]([call])
            for mode, reference in (
                ("exact", [{"name": "w", "arguments": {"p": value}}]),
                ("accept", [{"w": {"p": [value]}}]),
            ):
                for options in ({}, {"validate_schema": True}):
                    verdict = judge(
                        text, reference, declared("w", parameters), mode=mode, **options
                    )
                    assert verdict.is_correct, (text, mode, options, verdict)
                    other = text.replace("Ritz", "Adlon") if value == "Ritz" else ""
                    assert not other or not judge(other, reference, mode=mode).is_correct


DEFINITIONS = {"T": {"type": "string"}, "N": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}


@pytest.mark.parametrize(
    ("schema", "written", "values"),
    [
        ({}, "7", [7, "7"]),
        ({"description": "d"}, "plain", ["plain"]),
        ({"enum": ["1", "2"]}, "1", ["1"]),
        ({"enum": [1, 2]}, "1", [1]),
        ({"const": "7"}, "7", ["7"]),
        ({"const": 7}, "7", [7]),
        ({"allOf": [{"type": "string"}, {"minLength": 1}]}, "7", ["7"]),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "7", ["7", 7]),
        ({"oneOf": [{"type": "integer"}, {"type": "null"}]}, "null", [None]),
        ({"type": ["string", "null"]}, "null", ["null", None]),
        ({"$ref": "#/$defs/T"}, "7", ["7"]),
        ({"$ref": "#/$defs/N"}, "7", [7]),
        ({"$ref": "#/$defs/Gone"}, "7", ["7", 7]),
        ({"$ref": "#/properties/p"}, "7", ["7", 7]),
        ({"type": "string"}, '"7"', ['"7"']),
        ({"type": "string"}, '{"a": 1}', ['{"a": 1}']),
        ({"type": "boolean"}, "True", [True]),
        ({"type": "boolean"}, "TRUE", [True]),
        ({"type": ["boolean", "null"]}, "fALSE", [False]),
        ({"type": "string"}, "TRUE", ["TRUE"]),
        ({"type": "boolean"}, "1", []),
        ({"type": "number"}, "3.0", [3, 3.0]),
        ({"type": "number"}, ".5", [0.5]),
        ({"type": "number"}, "+1e3", [1000, 1000.0]),
        ({"type": "number"}, "1e999", ["1e999"]),
        ({"type": "number"}, "1_000", ["1_000"]),
        ({"type": "integer"}, "+5", [5]),
        ({"type": "integer"}, "5.0", [5.0]),
        ({"type": "Tuple[int, int]"}, "(1, 2)", [[1, 2]]),
        ({"type": "array"}, "a, b", []),
        ({"type": "integer"}, "2026-01-15", []),
        ({"type": "float"}, "7", [7, 7.0]),
        ({"type": "object"}, "{'a': True}", [{"a": True}]),
    ],
)
def test_what_a_text_stands_for(schema: Any, written: str, values: list[Any]) -> None:
    tools = declared("w", {"type": "object", "properties": {"p": schema}, "$defs": DEFINITIONS})
    for text in (
        f"<tool_call>\n<function=w>\n<parameter=p>\n{written}\n</parameter>\n</function>\n</tool_call>",
        f"<tool_call>w\n<arg_key>p</arg_key>\n<arg_value>{written}</arg_value>\n</tool_call>",
        f'<invoke name="w"><parameter name="p">{written}</parameter></invoke>',
    ):
        for mode, allowed in (("exact", lambda v: v), ("accept", lambda v: [v])):
            for value in [*values, "zz", 8, True, None, ["a", "b"], 20260115]:
                key = {"name": "w", "arguments": {"p": value}} if mode == "exact" else {
                    "w": {"p": allowed(value)}
                }  # fmt: skip
                right = any(value == one and type(value) is type(one) for one in values)
                assert judge(text, [key], tools, mode=mode).is_correct == right, (text, mode, value)


PARTS = {
    "P": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"$ref": "#/$defs/T"}},
        "required": ["a"],
    },
    "A": {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
    "B": {"properties": {"b": {"type": "string"}}},
    "X": {"allOf": [{"$ref": "#/$defs/P"}]},
    "T": {"type": "string"},
}
COMPOSED: list[dict[str, Any]] = [
    {"$ref": "#/$defs/P", "$defs": PARTS},
    {"$ref": "#/$defs/P", "$defs": PARTS, "type": "object", "additionalProperties": False},
    {"$ref": "#/$defs/X", "$defs": PARTS},
    {"$ref": "#/definitions/A", "definitions": PARTS, "properties": {"b": {"type": "str"}}},
    {"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}], "$defs": PARTS},
    {"allOf": [PARTS["A"], PARTS["B"]]},
    {**PARTS["A"], "type": "dict", "allOf": [{"$ref": "#/$defs/B"}], "$defs": PARTS},
    {"anyOf": [{"$ref": "#/$defs/P"}, {"required": ["c"]}], "required": ["a"], "$defs": PARTS},
    {"oneOf": [PARTS["A"], {"properties": {"a": {"type": "null"}}}], "required": ["a"],
     "allOf": [PARTS["B"]]},
    {**PARTS["A"], "if": {"required": ["a"]}, "then": PARTS["B"]},
]  # fmt: skip


@pytest.mark.parametrize("parameters", COMPOSED)
def test_parameters_that_are_put_together_are_read(parameters: dict[str, Any]) -> None:
    tools = declared("w", parameters)
    for format in ("hermes", "qwen3_coder"):
        for mode in ("exact", "accept"):
            for options in ({}, {"validate_schema": True}):
                for arguments in ({"a": 1, "b": "7"}, {"a": 1}):
                    call = {"name": "w", "arguments": arguments}
                    accept = {"w": {key: [value] for key, value in arguments.items()}}
                    text = RENDER[format]([ToolCall("w", arguments)])
                    reference = [call if mode == "exact" else accept]
                    verdict = judge(text, reference, tools, mode=mode, **options)
                    assert verdict.is_correct, (text, mode, options, verdict)
    for arguments in ({"a": 1, "z": 2}, {"b": "7"}):  # not declared, and without a required one
        text = RENDER["hermes"]([ToolCall("w", arguments)])
        reference = [{"w": {key: [value] for key, value in arguments.items()}}]
        assert not judge(text, reference, tools, mode="accept").is_correct
        assert not judge(text, reference, tools, mode="accept", validate_schema=True).is_correct
    wrong = RENDER["hermes"]([ToolCall("w", {"a": "x"})])
    exact = [{"name": "w", "arguments": {"a": "x"}}]
    assert not judge(wrong, exact, tools, validate_schema=True).is_correct


@pytest.mark.parametrize(
    "parameters",
    [
        {"$ref": "http://127.0.0.1:9/schema"},
        {"$ref": "#"},
        {"$ref": "#/$defs/gone"},
        {"allOf": [{"$ref": "#"}] * 40},
        {"allOf": [{"properties": 5}]},
    ],
)
def test_parameters_that_lead_nowhere_are_the_data_s_fault(parameters: dict[str, Any]) -> None:
    call = {"name": "w", "arguments": {"a": 1}}
    text = RENDER["hermes"]([ToolCall("w", {"a": 1})])
    verdict = judge(text, [call], declared("w", parameters), validate_schema=True)
    assert verdict.reason.startswith("tools: "), verdict
