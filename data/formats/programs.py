"""How programs are asked for, so that the answer has the form that its tests are for.

Guarantee: a request ends by asking for one fenced block with the whole program, which is what the
verifier `code` reads.
"""

from collections.abc import Mapping, Sequence
from typing import Any

FENCED = "Answer with the whole program in one fenced Python code block."


def completing(start: str) -> str:
    """A request to complete a program, as HumanEval has it."""
    return f"Complete this Python program. {FENCED}\n\n```python\n{start.rstrip()}\n```"


def reading(question: str) -> str:
    """A request for a program that reads standard input."""
    return (
        f"{question.strip()}\n\nWrite a Python program that reads standard input and writes "
        f"standard output. {FENCED}"
    )


def defining(question: str, name: str, start: str = "") -> str:
    """A request for a function or a method that tests will call; `start` is code to begin with."""
    if start.strip():
        return (
            f"{question.strip()}\n\nBegin with this code, and keep its names. {FENCED}"
            f"\n\n```python\n{start.rstrip()}\n```"
        )
    return f"{question.strip()}\n\nWrite the Python function `{name}`. {FENCED}"


def solutions(sources: Sequence[str], language: str = "python") -> list[Mapping[str, Any]]:
    """Reference programs, as `metadata["solutions"]` holds them."""
    return [{"language": language, "source": one} for one in sources if one.strip()]
