"""The verifiers "math" (a response with a final answer) and "math-bare" (the answer alone).

Guarantees: an answer that is missing is incorrect; a reference that nobody can read is ungradable,
because then the data is at fault. The reason names the rule that decided. Neither imports SymPy
unless the grammar does not cover an answer.
"""

from rewards.math import answers
from rewards.math.equal import decide, worth_algebra
from rewards.registry import verifier
from rewards.types import Sample, Verdict

SHOWN = 80  # characters of an answer in a reason


def _warm_up() -> None:
    decide("\\frac{x+1}{2}", "\\frac{x}{2}+\\frac{1}{2}")


@verifier("math", on_crash="incorrect", warm_up=_warm_up)
def math(sample: Sample) -> Verdict:
    """Compare the final answer after the thinking with the reference."""
    try:
        answer = answers.final_answer(sample.response, answers.PHRASES, sample.thinking)
    except answers.NoAnswerError as error:
        return Verdict.incorrect(reason=f"no answer: {error}")
    return compare(answer, sample.reference)


@verifier("math-bare", on_crash="incorrect", warm_up=_warm_up)
def math_bare(sample: Sample) -> Verdict:
    """Compare the whole response with the reference."""
    return compare(sample.response, sample.reference)


def compare(answer: str, reference: object) -> Verdict:
    """The verdict on a bare answer. May take for ever: call it where it can be killed."""
    if isinstance(reference, bool) or not isinstance(reference, str | int | float):
        return Verdict.ungradable(f"reference: {type(reference).__name__}, not text or a number")
    gold = str(reference)
    if not gold.strip():
        return Verdict.ungradable("reference: it is empty")
    decision = decide(answer, gold)
    if decision.same is not None:
        return _verdict(decision.same, decision.rule)
    if not worth_algebra(answer, gold):
        return Verdict.incorrect(reason=f"unreadable: {decision.rule}"[:SHOWN])
    return _algebra(answer, gold)


def _algebra(answer: str, gold: str) -> Verdict:
    from rewards.math import symbolic

    try:
        parsed_gold = symbolic.parsed_reference(gold)
    except symbolic.UnparsableError:
        return Verdict.ungradable(f"reference: {gold[:SHOWN]!r} is no expression")
    try:
        parsed_answer = symbolic.parsed(answer)
    except symbolic.UnparsableError:
        return Verdict.incorrect(reason=f"unreadable: {answer[:SHOWN]!r}")
    return _verdict(symbolic.equal(parsed_answer, parsed_gold), "math-verify")


def _verdict(same: bool, rule: str) -> Verdict:
    return Verdict.correct(reason=rule) if same else Verdict.incorrect(reason=f"differs: {rule}")
