"""The wording that public sets in verl's layout put around every problem.

Guarantee: a problem that has exactly this wording is given without it, so that duplicates of other
sets are seen and `data.template` words all problems of a mix alike; any other text stays as it is.
"""

from typing import Final

_AROUND: Final = (
    (  # BytedTsinghua-SIA/DAPO-Math-17k, and sets made after it
        "Solve the following math problem step by step. The last line of your response should be "
        "of the form Answer: $Answer (without quotes) where $Answer is the answer to the problem."
        "\n\n",
        '\n\nRemember to put your answer on its own line after "Answer:".',
    ),
    (  # verl's examples for GSM8K
        "",
        ' Let\'s think step by step and output the final answer after "####".',
    ),
    (  # verl's examples for MATH
        "",
        " Let's think step by step and output the final answer within \\boxed{}.",
    ),
)


def without_wording(problem: str) -> str:
    """The problem alone."""
    for before, after in _AROUND:
        if problem.startswith(before) and problem.endswith(after):
            inner = problem[len(before) : len(problem) - len(after)]
            if inner.strip():
                return inner
    return problem
