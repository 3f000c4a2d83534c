"""Tool calls: reading them out of a text, checking them against schemas, comparing them.

Guarantees: nothing that a model wrote is evaluated, or raises. Importing this package is light;
jsonschema is loaded by the first validation.
"""

from rewards.tools.errors import CallsError, ToolReferenceError, ToolsError
from rewards.tools.match import match_calls
from rewards.tools.parse import FORMATS, called_tool, parse_calls
from rewards.tools.templates import format_of_template
from rewards.tools.types import Difference, Match, Parsed, ToolCall

__all__ = [
    "FORMATS",
    "CallsError",
    "Difference",
    "Match",
    "Parsed",
    "ToolCall",
    "ToolReferenceError",
    "ToolsError",
    "called_tool",
    "format_of_template",
    "match_calls",
    "parse_calls",
]
