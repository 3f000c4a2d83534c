"""What can go wrong with rewards, as one flat tree.

These are faults of the set-up: a spec that names nothing, a plugin that does not load, a data set
without a needed column. They stop a run. What goes wrong with one answer is never raised: it is a
`Verdict`, because a bad answer is data. The one exception is `InfrastructureError`, which a
verifier raises to be tried again.
"""


class RewardError(Exception):
    """Base of every error that `rewards` raises; the message is one line and names the remedy."""


class InvalidVerdictError(RewardError):
    """A verdict was built with a reward that is not a finite number."""


class VerifierDefinitionError(RewardError):
    """A function cannot be a verifier, or its name is taken."""


class UnknownVerifierError(RewardError):
    """No verifier answers to a name, or a spec cannot be read."""


class PluginError(RewardError):
    """A plugin file is missing, does not import, or lacks the function that was asked for."""


class OptionsError(RewardError):
    """A verifier was given options that it does not take."""


class MissingColumnError(RewardError):
    """A verifier asks for a column that the sample does not have."""


class PoolError(RewardError):
    """A pool cannot start its workers, lost them for good, or was used while closed."""


class InfrastructureError(RewardError):
    """Raised by a verifier whose service is away: the sample is tried again, then ungradable."""
