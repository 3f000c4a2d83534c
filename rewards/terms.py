"""Ready terms of a reward: "format" and "overlong".

Guarantee: each is bounded, "format" by 0 and 1, "overlong" by -1 and 0.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rewards.math.answers import NoAnswerError, last_boxed
from rewards.registry import verifier
from rewards.thinking import final_part, is_one_block
from rewards.types import Sample, Verdict


def _compiles(pattern: str | None) -> str | None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


@verifier("format", on_crash="incorrect")
class Format(BaseModel):
    """1 for a response of the asked form, else 0."""

    model_config = ConfigDict(frozen=True, strict=True, use_attribute_docstrings=True)

    style: Literal["boxed", "think"] | None = None
    """`boxed`: the text after the thinking holds a filled `\\boxed{...}`; `think`: one block of
    thinking, such as `<think>...</think>`, begins the response, or the prompt's template has opened
    it, and an answer follows it."""
    pattern: Annotated[str | None, AfterValidator(_compiles)] = None
    """A regular expression that must match the whole response; `.` matches line ends."""

    @model_validator(mode="after")
    def _asks_for_one_thing(self) -> Self:
        if (self.style is None) == (self.pattern is None):
            raise ValueError("give either style (boxed or think) or pattern")
        return self

    def __call__(self, sample: Sample) -> Verdict:
        """Look at the form alone."""
        if self.pattern is not None:
            fits = re.fullmatch(self.pattern, sample.response, re.DOTALL) is not None
        elif self.style == "boxed":
            fits = has_box(final_part(sample.response, sample.thinking))
        else:
            fits = is_one_block(sample.response, sample.thinking)
        return Verdict.correct() if fits else Verdict.incorrect(reason="not of the asked form")


def has_box(text: str) -> bool:
    """Whether a text without thinking holds `\\boxed{...}` with something inside."""
    try:
        return bool(last_boxed(text))
    except NoAnswerError:
        return False


@verifier("overlong")
class Overlong(BaseModel):
    """DAPO's soft punishment of long answers (arXiv 2503.14476, equation 13), in tokens.

    0 up to `max_tokens - cache_tokens`, then falling linearly to -1 at `max_tokens`, and -1 beyond.
    """

    model_config = ConfigDict(frozen=True, strict=True, use_attribute_docstrings=True)

    max_tokens: int = Field(ge=1)
    """L_max."""
    cache_tokens: int = Field(ge=1)
    """L_cache, the length of the slope."""

    @model_validator(mode="after")
    def _slope_fits(self) -> Self:
        if self.cache_tokens > self.max_tokens:
            raise ValueError("cache_tokens is larger than max_tokens")
        return self

    def __call__(self, sample: Sample, *, response_tokens: int) -> Verdict:
        """`response_tokens` is the response's length in the policy's tokens."""
        over = response_tokens - (self.max_tokens - self.cache_tokens)
        reward = 0.0 - min(1.0, max(0, over) / self.cache_tokens)
        return Verdict.incorrect(reward) if over > 0 else Verdict.correct(reward)
