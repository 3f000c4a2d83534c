"""A verifier that asks for a field, a column, and a column with a default."""

from rewards import Sample, Verdict, verifier


@verifier("columns-of-test")
def columns(sample: Sample, *, reference: str, difficulty: float, bonus: float = 0.0) -> Verdict:
    if sample.response != reference:
        return Verdict.incorrect(-1.0)
    return Verdict.correct(difficulty + bonus, "matched", difficulty=difficulty)
