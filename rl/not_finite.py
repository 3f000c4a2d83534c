"""A loss or a gradient that is no number: in which step, and which prompts were in it.

Guarantee: only prompts whose samples were in the forward pass that failed are named; where only the
sum of many passes is known to be broken, as a gradient's norm, the step is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rl.errors import NotFiniteError
from rl.groups import Batch

NAMED: Final = 8
"""Prompts that are named."""


@contextmanager
def naming(batch: Batch, step: int) -> Iterator[None]:
    """Name the step, and the prompts of the batch, in a `NotFiniteError` of the block."""
    try:
        yield
    except NotFiniteError as error:
        ids = [repr(group.prompt.id) for group in batch.groups if group.index in error.groups]
        named = ", ".join(ids[:NAMED]) + (f" and {len(ids) - NAMED} more" * (len(ids) > NAMED))
        where = f"step {step}, with samples of prompt {named}" if ids else f"step {step}"
        raise NotFiniteError(f"{where}: {error}", error.groups) from error
