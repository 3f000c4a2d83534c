"""A language model as judge: grades by a rubric, comparisons, and how far it can be trusted.

`Judge` grades and compares; the verifier `judge` pays by it; `plumb judge calibrate` measures it.
"""

from rewards.judge.errors import JudgeError, RefusedError, RubricError, UnreadableGradeError
from rewards.judge.judge import Judge
from rewards.judge.results import Grade, Preference, Spent
from rewards.judge.rubric import JudgeRubric, built_in_rubrics, load_rubric
from rewards.judge.settings import JudgeSettings, Prices, ServeSettings

__all__ = [
    "Grade",
    "Judge",
    "JudgeError",
    "JudgeRubric",
    "JudgeSettings",
    "Preference",
    "Prices",
    "RefusedError",
    "RubricError",
    "ServeSettings",
    "Spent",
    "UnreadableGradeError",
    "built_in_rubrics",
    "load_rubric",
]
