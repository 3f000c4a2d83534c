"""Words, sentences and tokens, counted as the public checkers of IFEval count them.

Guarantees: sentences and tokens are those of nltk with its English Punkt model. The parameters of
that model come from a package (nltk's own way is a download at run time, or a pickle). nltk is
imported at the first use.
"""

import re
from collections import Counter
from functools import cache
from typing import Any

_WORD = re.compile(r"\w+")


def word_count(text: str) -> int:
    """Runs of word characters: "don't" has two."""
    return sum(1 for _ in _WORD.finditer(text))


def sentence_count(text: str) -> int:
    """Sentences as Punkt tells them."""
    return sum(1 for _ in _punkt().span_tokenize(text))


def capital_word_count(text: str) -> int:
    """Tokens all of whose letters are capital, such as "A", "NASA" and "X-RAY"."""
    treebank = _treebank()
    # Splitting is slow: it is done once for sentences that repeat, and only where it can matter.
    sentences = Counter(one for one in _punkt().tokenize(text) if any(map(str.isupper, one)))
    return sum(
        times * sum(token.isupper() for token in treebank.tokenize(one))
        for one, times in sentences.items()
    )


@cache
def _punkt() -> Any:
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer  # type: ignore[import-untyped]
    from punkt import load_model

    model = load_model("english")
    parameters = PunktParameters()
    parameters.abbrev_types = set(model.abbrev_types)
    parameters.collocations = set(model.collocations)
    parameters.sent_starters = set(model.sent_starters)
    parameters.ortho_context.update(model.ortho_context)
    return PunktSentenceTokenizer(parameters)


@cache
def _treebank() -> Any:
    from nltk.tokenize.destructive import NLTKWordTokenizer  # type: ignore[import-untyped]

    return NLTKWordTokenizer()
