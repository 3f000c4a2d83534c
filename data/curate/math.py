"""The stages for mathematics, in the order in which they are cheapest.

    filters: questions          50,000 rows a second on two cores
    checks:  references, verifiability          3,000

The filters read texts alone; the checks compare answers by the verifier's own rules.
"""

from typing import Literal

from data.curate.math_questions import MathQuestions
from data.curate.math_references import MathReferences
from data.curate.math_verifiable import MathVerifiable
from data.pipeline.block import Stage


def math_filters(options: Literal["keep", "drop"] = "keep") -> tuple[Stage, ...]:
    """The stages that look at questions alone; `options`: see `MathQuestions`."""
    return (MathQuestions(options),)


def math_checks(without: Literal["drop", "keep"] = "drop") -> tuple[Stage, ...]:
    """The stages that compare answers; `without`: see `MathReferences`."""
    return MathReferences(without), MathVerifiable()
