"""Tools out of a class: their declarations, and the arguments that fit."""

from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from rewards.tools import ToolCall
from rl.episodes.declare import ArgumentsError, described_by, tools_of
from rl.errors import ConfigError


class Unit(Enum):
    KM = "km"
    MILE = "mile"


class Place(BaseModel):
    name: str
    height: int = Field(default=0, ge=0)


class Atlas:
    def reset(self, prompt: Any) -> None:
        """Begin."""

    def metrics(self) -> dict[str, float]:
        """Numbers."""
        return {}

    def distance(
        self,
        start: Place,
        to: list[Place],
        unit: Unit = Unit.KM,
        way: Literal["air", "road"] = "air",
    ) -> str:
        """Measure a way.

        It goes from place to place.

        Args:
            start: Where it begins,
                by its name.
            to (list): The places on it.
            way: How.

        Returns:
            A number.
        """
        return f"{type(start).__name__} {len(to)} {unit.value} {way}"

    async def look(self, x: int, y: float = 1.5, *, json: bool | None = None) -> int:
        """Look somewhere.

        :param x: the column
        :param int y: the row
        """
        return x

    @staticmethod
    def name() -> str:
        """Give the name."""
        return "atlas"

    def helper(self, whatever):  # type: ignore[no-untyped-def]
        return whatever

    def _hidden(self) -> None:
        """It is private."""


TOOLS = {tool.name: tool for tool in tools_of(Atlas)}


def test_public_methods_with_docstrings_are_tools() -> None:
    assert list(TOOLS) == ["distance", "look", "name"]


def test_a_declaration_is_the_signature_and_the_docstring() -> None:
    function = TOOLS["distance"].declaration["function"]
    schema = function["parameters"]
    assert function["description"] == "Measure a way.\n\nIt goes from place to place."
    assert schema["required"] == ["start", "to"]
    assert schema["properties"]["to"]["description"] == "The places on it."
    assert schema["properties"]["to"]["items"] == {"$ref": "#/$defs/Place"}
    assert "Where it begins, by its name." in str(schema["properties"]["start"])
    assert schema["properties"]["way"]["enum"] == ["air", "road"]
    assert schema["properties"]["way"]["default"] == "air"
    assert schema["$defs"]["Place"]["properties"]["height"]["minimum"] == 0
    assert "title" not in str(schema)
    look = TOOLS["look"].declaration["function"]["parameters"]
    assert look["properties"]["x"] == {"type": "integer", "description": "the column"}
    assert look["properties"]["y"]["description"] == "the row"
    assert TOOLS["name"].declaration["function"]["parameters"]["properties"] == {}


def test_arguments_become_what_the_signature_says() -> None:
    read = TOOLS["distance"].read(
        ToolCall("distance", {"start": {"name": "a"}, "to": [], "unit": "mile"})
    )
    assert read == {"start": Place(name="a"), "to": [], "unit": Unit.MILE}
    assert TOOLS["look"].read(ToolCall("look", {"x": 1, "y": 2, "json": True}))["y"] == 2.0


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("look", {"x": "1"}, "'x': Input should be a valid integer"),
        ("look", {"x": 1.5}, "'x': Input should be a valid integer"),
        ("look", {"x": True}, "'x': Input should be a valid integer"),
        ("look", {}, "'x' is missing"),
        ("look", {"x": 1, "z": 2}, "there is no argument 'z'"),
        ("distance", {"start": {"name": "a", "height": -1}, "to": []}, "'start.height': Input"),
        ("distance", {"start": "a", "to": [], "way": "sea"}, "'way': Input should be 'air'"),
        ("name", {"self": 1}, "there is no argument 'self'"),
    ],
)
def test_other_arguments_are_refused_in_words(name: str, arguments: Any, words: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        TOOLS[name].read(ToolCall(name, arguments))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_argument_without_a_type_is_read_as_what_fits() -> None:
    """Some formats write 7 without saying whether it is a text."""
    call = ToolCall("look", {"x": "7", "y": "0"}, {"x": [7], "y": ["zero", 2.5]})
    assert TOOLS["look"].read(call) == {"x": 7, "y": 2.5}
    with pytest.raises(ArgumentsError):
        TOOLS["look"].read(ToolCall("look", {"x": "7"}, {"x": ["seven"]}))


class Untyped:
    def f(self, x):  # type: ignore[no-untyped-def]
        """Do."""


class Spread:
    def f(self, *x: int) -> None:
        """Do."""


class Strange:
    def f(self, x: "Missing") -> None:  # type: ignore[name-defined]  # noqa: F821
        """Do."""


class Opaque:
    pass


class Locked:
    def f(self, x: Opaque) -> None:
        """Do."""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Untyped, "give its parameter 'x' a type"),
        (Spread, "by name"),
        (Strange, "Missing"),
        (Locked, "no JSON schema"),
    ],
)
def test_what_cannot_be_declared_is_refused(kind: type, words: str) -> None:
    with pytest.raises(ConfigError, match=f"the tool 'f' of {kind.__name__}: .*{words}"):
        tools_of(kind)


def test_a_docstring_may_say_little() -> None:
    assert described_by("Do it.") == ("Do it.", {})
    assert described_by("Do it: now\n\nArgs:\n  x: so\n    on\n  y (int): z\nRaises:\n  E: e") == (
        "Do it: now",
        {"x": "so on", "y": "z"},
    )
