"""What an answer is worth: how many words stand where they should."""

from rewards import Sample, Verdict, verifier


@verifier("in-order")
def in_order(sample: Sample) -> Verdict:
    """Compare the last line's words with the reference, place by place."""
    lines = sample.response.strip().splitlines()
    said = lines[-1].lower().replace(",", " ").split() if lines else []
    wanted = str(sample.reference).split()
    if said == wanted:
        return Verdict.correct()
    right = sum(a == b for a, b in zip(said, wanted, strict=False))
    return Verdict.incorrect(0.5 * right / len(wanted), reason=f"{right} of {len(wanted)} in place")
