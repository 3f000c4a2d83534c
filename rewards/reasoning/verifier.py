"""The verifier "reasoning": 1 for an answer whose thinking is what its mode asks for, else 0.

Guarantees: it looks at the thinking part, as `rewards.thinking` parts it, and, where form is asked
for, at whether the answer thinks behind it: thinking that is moved there is not passed by. What
cannot be told is not held against an answer. Its time is bounded, whatever the answer.

Its metrics are `thinks` (whether there is any thinking), `tokens` (of it, where they are known),
and for each check that was made whether it held: `form`, `length`, `language`.
"""

from typing import Final

from pydantic import Field

from rewards.reasoning.checks import Checks
from rewards.registry import verifier
from rewards.thinking import Opened, Parts, parted, says_something, thinks_later
from rewards.types import Sample, Verdict

DEADLINE: Final = 10.0


def _load_profiles() -> None:
    from rewards.constraints.language import language_of

    language_of("a text in some language")


@verifier("reasoning", on_crash="incorrect", warm_up=_load_profiles, deadline=DEADLINE)
class Reasoning(Checks):
    """Looks at the thinking of an answer: whether there is any, how long, in which language."""

    modes: dict[str, Checks] = Field(default_factory=dict)
    """Checks by the mode that a prompt is asked in, in place of those above; a run's `modes` with
    `checks` are put here."""

    def __call__(
        self,
        sample: Sample,
        *,
        reasoning_mode: str = "",
        thinking_tokens: float | None = None,
        policy_turn: str | None = None,
        policy_turn_thinking: Opened | None = None,
    ) -> Verdict:
        """Look at the thinking.

        Args:
            sample: What is graded.
            reasoning_mode: This and the others are columns, which a run fills by itself.
            thinking_tokens: Of the thinking.
            policy_turn: The policy's last turn, where the response is what an agent made of it.
            policy_turn_thinking: Whether that turn's prompt had opened the thinking.
        """
        checks = self.modes.get(reasoning_mode, self)
        if checks.counts_tokens and thinking_tokens is None:
            return Verdict.ungradable(
                "reference: min_tokens and max_tokens need the column thinking_tokens"
            )
        if policy_turn is None:
            parts = parted(sample.response, sample.thinking)
        else:
            parts = parted(policy_turn, policy_turn_thinking)
        says = says_something(parts.thinking or "")
        later = thinks_later(parts)
        held: dict[str, bool] = {}
        faults = [
            *_form(checks, parts, says, later, held),
            *_length(checks, int(thinking_tokens or 0), held),
            *_language(checks, parts.thinking or "", held),
        ]
        metrics = {name: float(holds) for name, holds in held.items()} | {
            "thinks": float(says or later)
        }
        if thinking_tokens is not None:
            metrics["tokens"] = float(thinking_tokens)
        if faults:
            return Verdict.incorrect(0.0, "; ".join(faults), **metrics)
        return Verdict.correct(1.0, "", **metrics)


def _form(
    checks: Checks, parts: Parts, says: bool, later: bool, held: dict[str, bool]
) -> list[str]:
    if checks.thinking == "any":
        return []
    fault = ""
    if checks.thinking == "none":
        fault = "there is thinking where there should be none" if says or later else ""
    elif not says:
        fault = "there is no thinking"
    elif not parts.is_closed:
        fault = "the thinking never ended"
    elif later:
        fault = "there is more thinking in the answer"
    held["form"] = not fault
    return [fault] if fault else []


def _length(checks: Checks, tokens: int, held: dict[str, bool]) -> list[str]:
    if not checks.counts_tokens:
        return []
    faults = []
    if checks.min_tokens is not None and tokens < checks.min_tokens:
        faults = [f"{tokens} tokens of thinking are fewer than {checks.min_tokens}"]
    if checks.max_tokens is not None and tokens > checks.max_tokens:
        faults = [f"{tokens} tokens of thinking are more than {checks.max_tokens}"]
    held["length"] = not faults
    return faults


def _language(checks: Checks, thinking: str, held: dict[str, bool]) -> list[str]:
    if checks.language is None:
        return []
    from rewards.reasoning.prose import strange

    found = strange(thinking, checks.language, checks.language_letters)
    if found is None:
        return []
    held["language"] = 1 - found.share >= checks.language_share
    if held["language"]:
        return []
    share = f"{found.share:.0%} of the thinking"
    return [f"{share} is not in {checks.language}: {found.found}"]
