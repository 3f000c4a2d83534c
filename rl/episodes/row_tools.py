"""Tools that come with a prompt's row and not with a class: declared there, and run by `call_tool`.

Guarantee: what `call_tool` is given names a tool that is on offer, and its arguments fit the tool's
own schema, none is missing, unknown or of another type: unless the class checks them itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rewards.tools import ToolCall, ToolsError
from rewards.tools.offered import function_of
from rewards.tools.schema import validate_calls
from rl.episodes.declare import ArgumentsError
from rl.errors import ConfigError

_READINGS = 32  # of a call whose arguments were written without types


@dataclass(frozen=True, slots=True)
class RowTool:
    """A tool of a row.

    Attributes:
        name: as it is called.
        declaration: as the row has it.
        any_arguments: whether all arguments are taken.
    """

    name: str
    declaration: Mapping[str, Any]
    any_arguments: bool = False

    def read(self, call: ToolCall) -> dict[str, Any]:
        """The arguments of a call.

        Raises:
            ArgumentsError: They do not fit.
        """
        arguments = dict(call.arguments)
        if self.any_arguments:
            return arguments
        others = {key: list(values) for key, values in call.readings.items()}
        for _ in range(_READINGS):
            wrong = validate_calls([ToolCall(self.name, arguments)], [self.declaration])
            if wrong is None:
                return arguments
            key = next((key for key in others if wrong.path.startswith(key) and others[key]), None)
            if key is None:
                where = f"argument {wrong.path!r:.100}: " if wrong.path else ""
                raise ArgumentsError(f"{where}expected {wrong.expected}, got {wrong.got}")
            arguments[key] = others[key].pop(0)
        raise ArgumentsError("its arguments may mean too many things")

    def bound(
        self, subject: Any, arguments: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """What runs it, and with what."""
        return subject.call_tool, {"name": self.name, "arguments": dict(arguments)}


def row_tools(
    declarations: Iterable[Mapping[str, Any]], where: str, *, any_arguments: bool = False
) -> dict[str, RowTool]:
    """The tools by name.

    Args:
        declarations: As chat templates show them.
        where: What messages call the row.
        any_arguments: Whether `call_tool` takes all arguments.

    Raises:
        ConfigError: One has no name, or a schema that is none.
    """
    found = {}
    for one in declarations:
        function = function_of(one)
        if function is None:
            raise ConfigError(f"{where}: a tool has no name: {one!r:.100}")
        tool = RowTool(function["name"], one, any_arguments)
        try:
            validate_calls([ToolCall(tool.name, {})], [one])
        except ToolsError as error:
            raise ConfigError(f"{where}: {error}") from error
        found[tool.name] = tool
    return found
