"""What can stop a run, as one tree: every message says what happened, where, and what to do.

The command line prints the message of a `PlumbError` as its only line and exits with
`exit_code`; any other exception is a defect of Plumb and keeps its traceback.
"""


class PlumbError(Exception):
    """Something a user can mend; the message holds the remedy."""

    exit_code = 1


class ConfigError(PlumbError):
    """The configuration does not say something that can be run."""

    exit_code = 2


class PlanError(PlumbError):
    """What is planned does not fit the hardware."""


class ModelError(PlumbError):
    """The model or its tokenizer cannot be loaded."""


class TooLongError(PlumbError):
    """A prompt has more tokens than may be asked."""


class ClusterError(PlumbError):
    """Ray cannot be reached, or lacks what the run needs."""


class HeadLostError(ClusterError):
    """Ray's head is gone: what is asked of Ray now ends this process a minute later."""


class BusyClusterError(ClusterError):
    """The cluster has what the run needs, but others hold it."""


class CheckpointError(PlumbError):
    """A checkpoint is missing, broken, or belongs to another run."""


class SamplerStarvedError(PlumbError):
    """Dynamic sampling gave up: too few groups were informative."""


class UngradableError(PlumbError):
    """Too many answers could not be graded for the rewards to be trusted."""


class EngineError(PlumbError):
    """A rollout engine died, or did not answer in time."""


class EngineLostError(EngineError):
    """The engine under a request is gone; another can be asked the same."""


class RunnerError(PlumbError):
    """An episode runner failed."""


class RunnerLostError(RunnerError):
    """The runner of a group is gone; another can be given the same."""


class InfrastructureError(PlumbError):
    """What should have answered an environment is broken; it says nothing of the policy."""


class StuckError(PlumbError):
    """Nothing moved any more, for no reason that a deadline has told."""


class LearnerError(PlumbError):
    """A learner rank died, did not answer in time, or produced numbers that are not finite."""


class LearnerLostError(LearnerError):
    """A learner rank is gone or silent: all of them begin again from the newest checkpoint."""


class NotFiniteError(LearnerError):
    """A loss or a gradient is no number.

    Args:
        message: which, and what to do.
        groups: indices of the groups that were in the forward pass; empty where nobody knows.
    """

    def __init__(self, message: str, groups: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.groups = groups

    def __reduce__(self) -> tuple[type, tuple[str, tuple[int, ...]]]:
        return type(self), (str(self), self.groups)


class StorageError(PlumbError):
    """The run directory cannot be written, for want of space or of permission."""
