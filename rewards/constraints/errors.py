"""What can be wrong with constraints in the data; what is wrong with an answer is never raised."""

from rewards.errors import RewardError


class ConstraintError(RewardError):
    """A constraint has an unknown id or wrong parameters, or a list of them cannot be read."""
