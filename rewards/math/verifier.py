"""The verifiers "math" (a response with a final answer) and "math-bare" (the answer alone).

Guarantees: an answer that is missing is incorrect; a reference that holds no answer is ungradable,
because then the data is at fault. An answer that still holds work to be done is incorrect where the
reference is a number, unless `unevaluated: accept` says otherwise. The reason names the rule that
decided. Neither imports SymPy unless the grammar does not cover an answer.
"""

from typing import Literal

from rewards.math.answers import NoAnswerError, final_answer
from rewards.math.equal import Decision, decide, worth_algebra
from rewards.math.evaluated import holds_work, text_holds_work
from rewards.math.phrases import PHRASES
from rewards.math.references import UnreadableError, alternatives, as_written, contradicts
from rewards.registry import verifier
from rewards.types import Sample, Verdict

SHOWN = 80  # characters of an answer in a reason
Unevaluated = Literal["refuse", "accept"]
"""Whether an answer may hold work to be done, as the question does that it copies."""


def _warm_up() -> None:
    decide("\\frac{x+1}{2}", "\\frac{x}{2}+\\frac{1}{2}")


@verifier("math", on_crash="incorrect", warm_up=_warm_up)
def math(sample: Sample, *, unevaluated: Unevaluated = "refuse") -> Verdict:
    """Compare the final answer after the thinking with the reference."""
    return _graded(sample, unevaluated, bare=False)


@verifier("math-bare", on_crash="incorrect", warm_up=_warm_up)
def math_bare(sample: Sample, *, unevaluated: Unevaluated = "refuse") -> Verdict:
    """Compare the whole response with the reference."""
    return _graded(sample, unevaluated, bare=True)


def _graded(sample: Sample, unevaluated: Unevaluated, *, bare: bool) -> Verdict:
    try:
        golds = alternatives(sample.reference)
    except UnreadableError as error:
        return Verdict.ungradable(f"reference: {error}")
    try:
        answer = (
            sample.response if bare else final_answer(sample.response, PHRASES, sample.thinking)
        )
    except NoAnswerError as error:
        return Verdict.incorrect(reason=f"no answer: {error}")
    if answer.strip() == as_written(sample.reference):
        return Verdict.correct(reason="text")
    return compare(answer, golds, unevaluated)


def compare(answer: str, golds: tuple[str, ...], unevaluated: Unevaluated) -> Verdict:
    """The verdict on a bare answer. May take for ever: call it where it can be killed."""
    verdict = _compare(answer, golds[0], unevaluated)
    if len(golds) == 1 or verdict.is_correct or contradicts(answer, golds):
        return verdict
    others = (_compare(answer, gold, unevaluated) for gold in golds[1:])
    return next((other for other in others if other.is_correct), verdict)


def _compare(answer: str, gold: str, unevaluated: Unevaluated) -> Verdict:
    refuse = unevaluated == "refuse"
    try:
        decision = decide(answer, gold)
    except RecursionError:
        return Verdict.incorrect(reason="unreadable: too deep")
    if decision.same is None and refuse and text_holds_work(answer, gold):
        return Verdict.incorrect(reason="not evaluated")
    if decision.same is None and worth_algebra(answer, gold):
        return _algebra(answer, gold)
    if decision.same and refuse and decision.nodes and holds_work(*decision.nodes):
        return Verdict.incorrect(reason="not evaluated")
    return _verdict(decision)


def _algebra(answer: str, gold: str) -> Verdict:
    from rewards.math import symbolic

    try:
        parsed_gold = symbolic.parsed_reference(gold)
    except symbolic.UnparsableError:
        return Verdict.incorrect(reason="differs: text")
    try:
        parsed_answer = symbolic.parsed(answer)
    except symbolic.UnparsableError:
        return Verdict.incorrect(reason=f"unreadable: {answer[:SHOWN]!r}")
    return _verdict(Decision(symbolic.equal(parsed_answer, parsed_gold), "math-verify"))


def _verdict(decision: Decision) -> Verdict:
    if decision.same:
        return Verdict.correct(reason=decision.rule)
    if decision.same is None:
        return Verdict.incorrect(reason=f"unreadable: {decision.rule}"[:SHOWN])
    return Verdict.incorrect(reason=f"differs: {decision.rule}")
