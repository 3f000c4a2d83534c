"""What can go wrong with a judge, beside an outage, which is `rewards.InfrastructureError`."""

from rewards.errors import RewardError


class JudgeError(RewardError):
    """Base of what a judge raises; the message is one line."""


class RubricError(JudgeError):
    """A rubric file is missing or malformed."""


class UnreadableGradeError(JudgeError):
    """The judge answered, and no grade of the rubric's scale can be read from it."""


class RefusedError(JudgeError):
    """The endpoint refuses this request, or all of them, so that another try cannot help.

    Attributes:
        status: The HTTP status that it refused with; None: another reason.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
