"""What can be wrong with prompts; each message is one line with the place and the remedy."""


class DataError(Exception):
    """The root of everything this package raises on purpose."""


class SourceError(DataError):
    """A source as a whole cannot be used: missing, of an unknown kind, empty, or misconfigured."""


class RowError(DataError):
    """One row of a source cannot become a prompt; the message starts with file and row."""


class PipelineError(DataError):
    """A pipeline cannot go on: its folder holds something else, or cannot be written to."""


class PromptError(DataError):
    """A prompt, or a collection of prompts, does not have the properties an operation needs."""


class SplitError(DataError):
    """The wanted evaluation set cannot be held out of the prompts given."""


class StreamError(DataError):
    """A prompt stream cannot be made from these arguments."""


class StreamStateError(StreamError):
    """A saved position does not belong to this stream: other data, order, or a damaged state."""


class MixError(DataError):
    """A mix cannot be made as it was asked for."""


class ForecastError(DataError):
    """There is too little, or nothing, to forecast from."""


class AnswersError(DataError):
    """Models cannot be asked, or their answers not be kept; what was answered is not lost."""


class UnavailableError(DataError):
    """What a step needs, such as a sandbox, cannot be had: nothing was decided, and no row lost."""


class MeasureError(DataError):
    """Prompts cannot be measured as things are."""
