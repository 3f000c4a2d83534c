"""A verifier in a package of its own, found by its entry point."""

from rewards import Sample, Verdict, verifier


@verifier("shouting")
def shouting(sample: Sample, *, min_letters: int = 3) -> Verdict:
    """Capital letters are worth more; only capitals are right."""
    letters = [c for c in sample.response if c.isalpha()]
    if len(letters) < min_letters:
        return Verdict.ungradable(f"letters: fewer than {min_letters}")
    share = sum(c.isupper() for c in letters) / len(letters)
    return Verdict.correct() if share == 1.0 else Verdict.incorrect(share / 2)
