"""The verifier "constraints": does a response follow what the prompt asked for, precisely.

Guarantees: `correct` means that every constraint is followed, whatever the reward is. What the data
says wrongly is ungradable ("reference: ..."). An answer on which checking explodes is incorrect. So
is one that says nothing: a full stop has no comma, and is no answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from rewards.constraints.checking import check
from rewards.constraints.errors import ConstraintError
from rewards.constraints.language import language_of
from rewards.constraints.references import constraints_of
from rewards.constraints.tokens import capital_word_count
from rewards.constraints.types import Constraint, Result
from rewards.registry import verifier
from rewards.thinking import final_part, says_something
from rewards.types import Sample, Verdict

GRADING_SECONDS: Final = 10.0


def _warm_up() -> None:
    language_of("A sentence by which a language can be told.")
    capital_word_count("A sentence. And another one.")


@verifier("constraints", on_crash="incorrect", warm_up=_warm_up, deadline=GRADING_SECONDS)
class Constraints(BaseModel):
    """Checks the constraints of the reference, else of the columns of IFEval's data set."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    loose: bool = False
    """Whether a response without its first line, its last line or its asterisks may follow too."""
    reward: Literal["all", "fraction"] = "all"
    """`all`: 1 where every constraint is followed; `fraction`: the share of those followed."""
    incorrect: float = Field(default=0.0, allow_inf_nan=False)
    """What the reward becomes at 0: with -1 rewards are from -1 to 1."""
    tool_call: float | None = Field(default=-1.0, allow_inf_nan=False)
    """The reward of an answer that calls a tool; null: it is graded like any other text."""
    thinking: bool = True
    """Whether the thinking is taken away first."""

    def __call__(
        self, sample: Sample, *, instruction_id_list: object = None, kwargs: object = None
    ) -> Verdict:
        """Check one response."""
        reference = sample.reference
        if _says_nothing(reference):
            reference = {"instruction_id_list": instruction_id_list, "kwargs": kwargs}
        whole = sample.response
        text = final_part(whole, sample.thinking) if self.thinking else whole
        try:
            constraints = constraints_of(reference)
            call = self._call(sample)
            if call is not None and self.tool_call is not None:
                return Verdict.incorrect(self.tool_call, call, followed=0.0)
            return self._verdict(self._results(text, constraints, sample))
        except ConstraintError as error:
            return Verdict.ungradable(f"reference: {error}")

    def _call(self, sample: Sample) -> str | None:
        """What is called, in a line, where that matters."""
        if self.tool_call is None:
            return None
        from rewards.tools import called_tool

        return called_tool(sample.response, tools=sample.tools, thinking=sample.thinking)

    def _results(
        self, text: str, constraints: Sequence[Constraint], sample: Sample
    ) -> tuple[Result, ...]:
        prompt = _last_request(sample.prompt)
        said = text if says_something(text) else ""
        return check(said, constraints, prompt=prompt, loose=self.loose)

    def _verdict(self, results: Sequence[Result]) -> Verdict:
        failed = [one for one in results if not one.followed]
        share = 1 - len(failed) / len(results)
        if not failed:
            return Verdict.correct(reason="all are followed", followed=share)
        paid = share if self.reward == "fraction" else 0.0
        reward = self.incorrect + (1 - self.incorrect) * paid
        return Verdict.incorrect(reward, "; ".join(one.reason for one in failed), followed=share)


def _says_nothing(reference: Any) -> bool:
    return reference is None or (isinstance(reference, str | Sequence | Mapping) and not reference)


def _last_request(prompt: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last message of the user; "" where there is none."""
    contents = [message.get("content") for message in prompt if message.get("role") == "user"]
    return contents[-1] if contents and isinstance(contents[-1], str) else ""
