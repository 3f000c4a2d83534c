"""The verifiers "math" (a boxed answer in a response) and "math-bare" (the response is the answer).

Guarantees: an answer that is missing, too long, or no expression is incorrect; a reference that is
no expression is ungradable, because then the data is at fault. Neither imports SymPy unless an
answer needs algebra.
"""

from rewards.math import answers, exact
from rewards.math.exact import normalise
from rewards.registry import verifier
from rewards.types import Sample, Verdict

ANSWER_LIMIT = 2_000  # characters
SHOWN = 80  # characters of an answer in a reason


def _warm_up() -> None:
    from rewards.math import symbolic

    symbolic.warm_up()


@verifier("math", on_crash="incorrect", warm_up=_warm_up)
def math(sample: Sample) -> Verdict:
    """Compare the last boxed answer after the thinking with the reference."""
    try:
        answer = answers.last_boxed(answers.final_part(sample.response))
    except answers.NoAnswerError as error:
        return Verdict.incorrect(reason=str(error))
    return compare(answer, sample.reference)


@verifier("math-bare", on_crash="incorrect", warm_up=_warm_up)
def math_bare(sample: Sample) -> Verdict:
    """Compare the whole response with the reference."""
    return compare(answers.bare(sample.response), sample.reference)


def compare(answer: str, reference: object) -> Verdict:
    """The verdict on a bare answer. May take for ever: call it where it can be killed."""
    if isinstance(reference, bool) or not isinstance(reference, str | int | float):
        return Verdict.ungradable(f"reference: {type(reference).__name__}, not text or a number")
    if not answer:
        return Verdict.incorrect(reason="the answer is empty")
    if len(answer) > ANSWER_LIMIT:
        return Verdict.incorrect(reason=f"the answer is longer than {ANSWER_LIMIT} characters")
    gold = answers.bare(str(reference))
    same = exact.equal(answer, gold)
    return _verdict(same) if same is not None else _algebra(normalise(answer), normalise(gold))


def _algebra(answer: str, gold: str) -> Verdict:
    from rewards.math import symbolic

    try:
        parsed_gold = symbolic.parsed_reference(gold)
    except symbolic.UnparsableError:
        return Verdict.ungradable(f"reference: {gold[:SHOWN]!r} is no expression")
    try:
        parsed_answer = symbolic.parsed(answer)
    except symbolic.UnparsableError:
        return Verdict.incorrect(reason=f"{answer[:SHOWN]!r} is no expression")
    return _verdict(symbolic.equal(parsed_answer, parsed_gold))


def _verdict(same: bool) -> Verdict:
    return Verdict.correct() if same else Verdict.incorrect(reason="not the reference's value")
