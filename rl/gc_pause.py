"""Python's garbage collector, kept off what an actor loads for good."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Collect nothing while this lasts, and never walk later what is there at its end.

    vLLM's or DeepSpeed's modules are a million objects: walking them again and again while they
    are imported takes a sixth of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
