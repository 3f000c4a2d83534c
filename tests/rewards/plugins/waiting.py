"""An async verifier that waits as long as the response says."""

import asyncio

from rewards import Sample, Verdict, verifier


@verifier("waiting-of-test")
async def waiting(sample: Sample) -> Verdict:
    if sample.response == "raise":
        raise ConnectionError("the judge is away")
    await asyncio.sleep(float(sample.response))
    return Verdict.correct()
