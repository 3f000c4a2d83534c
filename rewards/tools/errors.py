"""What can be wrong with the data of tool calls; what is wrong with an answer is never raised."""

from rewards.errors import RewardError


class ToolReferenceError(RewardError):
    """A reference cannot be read, or it has no such turn."""


class ToolsError(RewardError):
    """The declarations of the tools cannot be read, or a schema among them is broken."""


class CallsError(RewardError):
    """What was given as calls is no list of `{"name", "arguments"}`."""
