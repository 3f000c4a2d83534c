"""Calls are compared as the rules of each mode say, and BFCL's own answers are right."""

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rewards.tools import (
    CallsError,
    ToolCall,
    ToolReferenceError,
    ToolsError,
    match_calls,
)

BFCL = Path(__file__).parents[3] / "shared" / "data" / "bfcl"


def call(**arguments: Any) -> dict[str, Any]:
    return {"name": "f", "arguments": arguments}


def tool(required: tuple[str, ...] = (), **types: str | tuple[str, str]) -> dict[str, Any]:
    """A tool `f` in BFCL's dialect; a pair is a type and that of its items."""
    pairs = {name: (kind, None) if isinstance(kind, str) else kind for name, kind in types.items()}
    properties = {
        name: {"type": kind, **({} if items is None else {"items": {"type": items}})}
        for name, (kind, items) in pairs.items()
    }
    parameters = {"type": "dict", "properties": properties, "required": list(required)}
    return {"name": "f", "parameters": parameters}


# ------------------------------------------------------------------ mode exact

SAME = [(1, 1), (1, 1.0), (1.5, 1.5), ("a", "a"), (None, None), (True, True), ([1, 2], [1, 2]),
        ((1, 2), [1, 2]), ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1})]  # fmt: skip
OTHER = [(1.0, 1), (1, 2), (True, 1), (1, True), (0, False), ("1", 1), ("a", "A"), ("a", "a "),
         (None, 0), (None, ""), ([1, 2], [2, 1]), ([1], [1, 1]), ({}, {"a": None}), ({}, []),
         ({"a": 1}, {}), ([1.0], [1])]  # fmt: skip


@pytest.mark.parametrize(("got", "wanted"), SAME)
def test_exact_accepts(got: Any, wanted: Any) -> None:
    assert match_calls([call(x=got)], [call(x=wanted)])


@pytest.mark.parametrize(("got", "wanted"), OTHER)
def test_exact_refuses(got: Any, wanted: Any) -> None:
    assert not match_calls([call(x=got)], [call(x=wanted)])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5, "", "a", "b"]),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from("abc"), v, max_size=3),
    max_leaves=5,
)
calls_of_two = st.builds(
    ToolCall, st.sampled_from("fg"), st.dictionaries(st.sampled_from("xy"), json_values, max_size=2)
)
few_calls = st.lists(calls_of_two, max_size=4)


def reference(calls: list[ToolCall]) -> list[dict[str, Any]]:
    return [{"name": c.name, "arguments": c.arguments} for c in calls]


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(one) for key, one in reversed(value.items())}
    return [reordered(one) for one in value] if isinstance(value, list) else value


@given(few_calls, st.randoms())
def test_order_of_calls_and_keys_never_matters(calls: list[ToolCall], draw: Any) -> None:
    shuffled = [ToolCall(c.name, reordered(c.arguments)) for c in calls]
    draw.shuffle(shuffled)
    for mode in ("exact", "accept"):
        assert match_calls(shuffled, reference(calls), mode=mode)


@given(few_calls, st.data())
def test_a_changed_argument_always_matters(calls: list[ToolCall], data: Any) -> None:
    assume(any(c.arguments for c in calls))
    changed = copy.deepcopy(calls)
    target = data.draw(st.sampled_from([c for c in changed if c.arguments]))
    key = data.draw(st.sampled_from(sorted(target.arguments)))
    target.arguments[key] = ["changed", target.arguments[key]]  # type: ignore[index]
    match = match_calls(changed, reference(calls))
    assert not match
    assert match.difference is not None and str(match.difference).isprintable()


@given(few_calls, few_calls)
def test_pairing_is_that_of_brute_force(calls: list[ToolCall], wanted: list[ToolCall]) -> None:
    for mode in ("exact", "accept"):

        def fits(one: ToolCall, other: ToolCall, mode: str = mode) -> bool:
            return bool(match_calls([one], reference([other]), mode=mode))

        expected = len(calls) == len(wanted) and any(
            all(map(fits, order, wanted)) for order in itertools.permutations(calls)
        )
        assert bool(match_calls(calls, reference(wanted), mode=mode)) == expected


def test_the_first_that_fits_is_not_always_the_right_one() -> None:
    loose_first = [{"f": {"x": [1, 2]}}, {"f": {"x": [1]}}]
    assert match_calls([call(x=1), call(x=2)], loose_first, mode="accept")
    # An integer stands for 1.0 as well, so the order of the reference must not decide.
    assert match_calls([call(x=1), call(x=1.0)], [call(x=1.0), call(x=1)])


def test_ordered() -> None:
    calls = [call(x=1), call(x=2)]
    assert match_calls(calls, [call(x=1), call(x=2)], ordered=True)
    assert match_calls(calls, [call(x=2), call(x=1)])
    match = match_calls(calls, [call(x=2), call(x=1)], ordered=True)
    assert str(match.difference) == "call 1 (f): argument x: expected 2, got 1"


@pytest.mark.parametrize(
    ("calls", "wanted", "words"),
    [
        ([call(a={"b": [1, 2]})], [call(a={"b": [1, 3]})],
         "call 1 (f): argument a.b[1]: expected 3, got 2"),
        ([call()], [call(a=1)], "call 1 (f): argument a: expected 1, got nothing"),
        ([call(z="x")], [call()], "call 1 (f): argument z: expected no such argument, got 'x'"),
        ([], [call()], "call 1 (f): expected 1 call and this one, got none"),
        ([call(x=1), call(x=2)], [call(x=1)], "call 2 (f): expected 1 call, got 2"),
        ([call()], [], "call 1 (f): expected no call, got 1"),
        ([{"name": "g", "arguments": {}}], [call()],
         "call 1 (f): expected a call of f, got a call of g"),
        ([call(x=1), call(x=5)], [call(x=2), call(x=1)],
         "call 2 (f): argument x: expected 2, got 5"),
        ([call(a=[1, 2])], [call(a=[1])], "call 1 (f): argument a: expected 1 items, got 2 items"),
    ],
)  # fmt: skip
def test_the_first_difference_is_named(calls: Any, wanted: Any, words: str) -> None:
    assert str(match_calls(calls, wanted).difference) == words


def test_a_difference_of_huge_values_is_short() -> None:
    match = match_calls([call(x="a\n" * 10**6, y=[[{}] * 10**5])], [call(x="", y=[])])
    assert len(str(match.difference)) < 400 and str(match.difference).isprintable()


def test_turns() -> None:
    turns = [[call(x=1)], [], [call(x=2), call(x=3)]]
    assert match_calls([call(x=1)], turns, turn=0)
    assert match_calls([], turns, turn=1)
    assert match_calls([call(x=3), call(x=2)], turns)  # the last one
    assert match_calls([call(x=1)], [call(x=1)], turn=0)
    for wrong in (3, -1, True, "1", 0.5, float("nan"), float("inf"), 10**400):
        with pytest.raises(ToolReferenceError, match="turn"):
            match_calls([], turns, turn=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["exact", "accept"])
@pytest.mark.parametrize(
    "wrong",
    [None, 5, "no JSON", "{}", {"name": "f"}, [5], [{"name": "f", "arguments": 5}],
     [{"f": 5}], [{"f": {}, "g": {}}], [call(), [call()]], "[" * 10**5, [{"f": {"x": 1}}]],
)  # fmt: skip
def test_a_malformed_reference_is_named(wrong: Any, mode: str) -> None:
    with pytest.raises(ToolReferenceError) as error:
        match_calls([call(x=1)], wrong, mode=mode)
    assert "\n" not in str(error.value)


def test_malformed_calls_modes_and_tools() -> None:
    with pytest.raises(CallsError, match="is no call"):
        match_calls([{"name": "f"}], [call()])
    with pytest.raises(ToolReferenceError, match="no mode 'near'"):
        match_calls([call()], [call()], mode="near")
    with pytest.raises(ToolReferenceError, match="not on offer"):
        match_calls([call()], [{"g": {}}], mode="accept", tools=[tool()])
    with pytest.raises(ToolsError, match="is no tool"):
        match_calls([call()], [{"f": {}}], mode="accept", tools=["f"])
    with pytest.raises(ToolsError, match=r"tool 'f' requires \['a'\]"):
        match_calls([call()], [{"f": {}}], mode="accept", tools=[tool((["a"],))])  # type: ignore[arg-type]
    with pytest.raises(ToolReferenceError, match='mode "accept"'):
        match_calls([call()], [{"f": {}}])


# ----------------------------------------------------------------- mode accept

PYTHON = [
    ("integer", 5, [5], True), ("integer", 5.0, [5], False), ("integer", True, [1], False),
    ("integer", "5", [5], False), ("integer", "n", ["n"], True), ("integer", "N", ["n"], False),
    ("float", 5, [5.0], True), ("float", 5.0, [5], True), ("float", 5.1, [5], False),
    ("float", True, [1.0], False), ("boolean", True, [True], True), ("boolean", 1, [True], False),
    ("string", "New York, NY", ["new york NY"], True), ("string", "a-b_c", ["abc"], True),
    ("string", "it's", ['it"s'], True), ("string", "a", ["b"], False), ("string", 5, ["5"], False),
    ("string", "a\tb", ["ab"], False), ("any", 5, [5], True), ("any", "A", ["a"], True),
    (("array", "string"), ["A B"], [["a.b"]], True), (("array", "string"), ["a"], [["b"]], False),
    (("array", "integer"), [1, 2], [[2, 1], [1, 2]], True),
    (("array", "integer"), [2, 1], [[1, 2]], False),
    (("array", "float"), [1, 2], [[1.0, 2.0]], False), (("array", "float"), [1], [[1]], True),
    (("array", "integer"), [True], [[1]], False), (("array", "integer"), "[1]", [[1]], False),
    (("tuple", "float"), [1.5, 2.5], [[1.5, 2.5]], True),
    (("array", "array"), [[1, 2]], [[[1, 2]]], True),
    (("array", "string"), [], ["", ["a"]], True),
    ("dict", {"a": "X y"}, [{"a": ["xy", "z"]}], True), ("dict", {"a": "q"}, [{"a": ["x"]}], False),
    ("dict", {"a": 1}, [{"a": [1.0]}], True), ("dict", {"a": True}, [{"a": [1]}], False),
    ("dict", {}, [{"a": ["x", ""]}], True), ("dict", {}, [{"a": ["x"]}], False),
    ("dict", {"a": 1, "b": 2}, [{"a": [1]}], False), ("dict", {"a": 1}, ["", {"a": [1]}], True),
    ("dict", {"a": {"b": "X"}}, [{"a": [{"b": ["x"]}]}], True),
    ("dict", {"a": {"b": "X"}}, [{"a": [{"b": ["y"]}]}], False),
    (("array", "dict"), [{"a": 1}, {"a": 2}], [[{"a": [1]}, {"a": [2, 3]}]], True),
    (("array", "dict"), [{"a": 2}, {"a": 1}], [[{"a": [1]}, {"a": [2]}]], False),
    (("array", "dict"), [{"a": 1}], [[{"a": [1]}, {"a": [2]}]], False),
    (("array", "dict"), [], ["", [{"a": [1]}]], True),
    (("array", "dict"), [], [[{"a": [1]}]], False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "allowed", "right"), PYTHON)
def test_accept(kind: Any, value: Any, allowed: list[Any], right: bool) -> None:
    match = match_calls(
        [call(x=value)], [{"f": {"x": allowed}}], mode="accept", tools=[tool(x=kind)]
    )
    assert bool(match) == right


@pytest.mark.parametrize(
    ("kind", "source", "allowed", "right"),
    [
        ("long", "5L", [5], True), ("long", "5", [5], False), ("double", "2.50", [2.5], True),
        ("float", "2.5f", [2.5], True), ("boolean", "true", [True], True), ("byte", "7", [7], True),
        ("boolean", "True", [True], False), ("String", "A b", ["ab"], True),
        (("Array", "integer"), "new int[]{1, 2}", [[1, 2]], True),
        (("Array", "integer"), "new int[]{1, 2", [[1, 2]], False),
        (("Array", "String"), 'new String[]{"a", "b"}', [['"a"', '"b"']], True),
        (("Array", "String"), 'new String[]{"a", "b"}', [["a", "b"]], False),
        (("ArrayList", "String"), 'new ArrayList<>(Arrays.asList("a, x", "b"))',
         [["a, x", "b"]], True),
        (("ArrayList", "integer"), "new ArrayList<Integer>() {{ add(1); add(2); }}",
         [[1, 2]], True),
        (("ArrayList", "integer"), "new ArrayList<>()", [[]], True),
        ("HashMap", 'new HashMap<String, Object>() {{ put("k", 5L); }}', [{"k": [5]}], True),
        ("HashMap", "new HashMap<>()", [{}], True), ("HashMap", "{}", [{}], False),
        ("long", 5, [5], False), ("HashMap", {"k": 5}, [{"k": [5]}], False),
    ],
)  # fmt: skip
def test_accept_java(kind: Any, source: Any, allowed: list[Any], right: bool) -> None:
    tools = [tool(x=kind, other="char")]
    wanted = [{"f": {"x": allowed, "other": ["", "'c'"]}}]
    assert bool(match_calls([call(x=source)], wanted, mode="accept", tools=tools)) == right


@pytest.mark.parametrize(
    ("kind", "source", "allowed", "right"),
    [
        ("Bigint", "5n", [5], True), ("Bigint", "5", [5], False), ("float", "2.5", [2.5], True),
        ("String", '"A b"', ["ab"], True), ("String", "A b", ["ab"], True),
        ("Boolean", "false", [False], True), ("Boolean", True, [True], False),
        (("array", "integer"), "[1, 2]", [[1, 2]], True),
        (("array", "String"), "new Array('a', \"b\")", [["a", "b"]], True),
        (("array", "array"), "[[1, 2], [3]]", [[[1, 2], [3]]], True),
        (("array", "integer"), "[1, 2", [[1, 2]], False),
        ("dict", "{a: 1, 'b': [\"x\"], \"c\": {d: true}}",
         [{"a": [1], "b": [["x"]], "c": [{"d": [True]}]}], True),
        ("dict", "{}", [{}], True), ("dict", "{a: 1", [{"a": [1]}], False),
    ],
)  # fmt: skip
def test_accept_javascript(kind: Any, source: Any, allowed: list[Any], right: bool) -> None:
    tools = [tool(x=kind, other="Boolean")]
    wanted = [{"f": {"x": allowed, "other": ["", True]}}]
    assert bool(match_calls([call(x=source)], wanted, mode="accept", tools=tools)) == right


@pytest.mark.parametrize(
    ("language", "kind", "value", "allowed"),
    [
        ("javascript", "float", "5.0", [5.0]),
        ("javascript", ("array", "integer"), "[3, 1, 2]", [[3, 1, 2]]),
        ("java", "boolean", "true", [True]),
        ("java", "integer", "800", [800]),
        ("python", "integer", 800, [800]),
    ],
)
def test_the_language_can_be_said(language: str, kind: Any, value: Any, allowed: Any) -> None:
    def matches(value: Any, spoken: str) -> bool:
        tools = [tool(x=kind)]
        reference = [{"f": {"x": allowed}}]
        return bool(
            match_calls([call(x=value)], reference, mode="accept", tools=tools, language=spoken)
        )

    assert matches(value, language)
    assert matches(value, "auto") == (language == "python")
    with pytest.raises(ToolReferenceError, match="no language 'go'; use auto, python"):
        matches(value, "go")
    with pytest.raises(ToolReferenceError, match="no language"):
        matches(value, ["java"])  # type: ignore[arg-type]


def test_which_arguments_must_be_there() -> None:
    tools = [tool(required=("x",), x="integer", y="integer", z="integer")]
    wanted = [{"f": {"x": [1, ""], "y": [2, ""]}}]

    def accepts(**arguments: int) -> bool:
        return bool(match_calls([call(**arguments)], wanted, mode="accept", tools=tools))

    assert accepts(x=1, y=2) and accepts(x=1)
    assert not accepts(y=2)  # the declaration requires x
    assert not accepts(x=1, z=3)  # the reference has no z
    assert not accepts(x=1, w=3)
    assert match_calls([call(y=2)], wanted, mode="accept")  # nobody says that x is required
    assert not match_calls([call()], [{"f": {"x": [1]}}], mode="accept")


def test_accept_takes_the_exact_form() -> None:
    wanted = [call(a="New York", b={"c": [1, {"d": "X"}]}, e="")]
    right = {"a": "new york", "b": {"c": [1, {"d": "X"}]}, "e": ""}
    assert match_calls([call(**right)], wanted, mode="accept")
    assert not match_calls([call(a="new york", b=right["b"])], wanted, mode="accept")
    assert match_calls([call(x=2)], [call(x=2.0)], mode="accept")
    assert not match_calls([call(x=2.0)], [call(x=2)], mode="accept")


def test_a_difference_of_allowed_values_names_them() -> None:
    match = match_calls(
        [call(x=5)], [{"f": {"x": ["a", "b"]}}], mode="accept", tools=[tool(x="string")]
    )
    assert match.difference is not None
    assert (match.difference.call, match.difference.tool, match.difference.path) == (0, "f", "x")
    assert match.difference.expected == "one of ['a', 'b'] of type 'string'"
    assert match.difference.got == "5"


kinds = st.sampled_from(
    ["string", "integer", "float", "dict", ("array", "dict"), ("array", "string"), "HashMap",
     ("ArrayList", "String"), ("array", "Boolean"), "weird", "char"]
)  # fmt: skip


@given(json_values, json_values, kinds, st.sampled_from(["integer", "Boolean", "long", "String"]))
def test_accept_never_raises(value: Any, allowed: Any, kind: Any, spoken: str) -> None:
    wanted = [{"f": {"x": [allowed], "other": [""]}}]
    for tools in ([], [tool(x=kind, other=spoken)]):
        match_calls([call(x=value)], wanted, mode="accept", tools=tools)


sources = st.lists(
    st.sampled_from(["new ", "int[]{", "ArrayList<>(", "Arrays.asList(", "HashMap<>() {{", "put(",
                     '"a"', "'", '"', ",", "add(", ")", "}}", "[", "]", "{", "}", ":", "1", "n",
                     "L", "\\", "new Array(", "true"]) | st.text(max_size=2),
    max_size=12,
).map("".join)  # fmt: skip


source_kinds = st.sampled_from(
    ["HashMap", ("ArrayList", "String"), ("Array", "long"), "long", "float", "double", "dict",
     ("array", "array"), "Bigint"]
)  # fmt: skip


@given(sources, source_kinds, st.sampled_from(["Boolean", "char"]))
def test_source_text_never_raises(text: str, kind: Any, spoken: str) -> None:
    wanted = [{"f": {"x": [1], "other": [""]}}]
    tools = [tool(x=kind, other=spoken)]
    match_calls([call(x=text)], wanted, mode="accept", tools=tools)


# ------------------------------------------------------------- BFCL's own data

needs_bfcl = pytest.mark.skipif(not BFCL.exists(), reason="the shared data sets are not here")


def bfcl() -> list[tuple[list[Any], list[Any]]]:
    questions = (BFCL / "simple_python.questions.jsonl").read_text().splitlines()
    answers = (BFCL / "simple_python.answers.jsonl").read_text().splitlines()
    tools = {row["id"]: row["function"] for row in map(json.loads, questions)}
    return [(tools[row["id"]], row["ground_truth"]) for row in map(json.loads, answers)]


def first_allowed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: first_allowed(values[0]) for key, values in value.items() if values[0] != ""}
    return [first_allowed(one) for one in value] if isinstance(value, list) else value


@needs_bfcl
def test_bfcl_s_answers_match_and_mutants_do_not() -> None:
    matched = 0
    for tools, truth in bfcl():
        ((name, allowed),) = truth[0].items()
        arguments = first_allowed(allowed)
        matched += bool(match_calls([ToolCall(name, arguments)], truth, mode="accept", tools=tools))
        mutants = [
            ToolCall(f"{name}_", arguments),
            ToolCall(name, {**arguments, "unheard_of": 1}),
            *(ToolCall(name, {**arguments, key: "no such value"}) for key in arguments),
            *(ToolCall(name, {**arguments, key: ["no", {"such": 1}]}) for key in arguments),
            *(
                ToolCall(name, {k: v for k, v in arguments.items() if k != key})
                for key, values in allowed.items()
                if "" not in values
            ),
        ]
        for mutant in mutants:
            assert not match_calls([mutant], truth, mode="accept", tools=tools)
        assert not match_calls([], truth, mode="accept", tools=tools)
        twice = [ToolCall(name, arguments)] * 2
        assert not match_calls(twice, truth, mode="accept", tools=tools)
    # One answer's first value is a list of texts for a list of lists, which BFCL refuses too.
    assert matched == len(bfcl()) - 1
