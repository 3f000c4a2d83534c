"""Words in front of a value: fillers that say nothing, signs, and bounds such as `at least`.

Guarantees: words that are not known here are an error, unless they end with a colon or an equals
sign (`Total:`) and hold nothing that negates, joins, compares or operates. Of such a label those
that have an opposite are kept (`Loss:`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from rewards.math.nodes import Call, Constant, Items, Node, Quantity, Relation, Symbol
from rewards.math.tokens import NotMathError
from rewards.math.vocabulary import ANYTHING, FILLERS
from rewards.math.words import label_marks, may_label

LABEL_LIMIT = 8  # words of a label such as `The total cost:`
_WORD = re.compile(r"[^\W\d_]+")
_BOUNDS = {
    "≥": "at least|no less than|not less than|no fewer than|minimum of|a minimum of|至少|не менее"
    "|не меньше|almeno",
    "≤": "at most|no more than|not more than|maximum of|a maximum of|up to|至多|最多|не более"
    "|не больше|al massimo",
    ">": "more than|greater than|larger than|bigger than|above|over|大于|多于|超过|больше"
    "|больше чем|более|più di|maggiore di",
    "<": "less than|fewer than|smaller than|below|under|小于|少于|меньше|меньше чем|менее|meno di"
    "|minore di",
}
_BOUND_OF = {words: sign for sign, line in _BOUNDS.items() for words in line.split("|")}
BOUNDS_BEHIND = {
    words: sign
    for sign, line in {
        "≥": "or more|or greater|or above|or higher|or larger|or over|and above|and over|or older"
        "|以上|及以上|и более|и больше|o più",
        "≤": "or less|or fewer|or below|or lower|or smaller|or under|and below|and under|or younger"
        "|以下|及以下|и менее|и меньше|o meno",
    }.items()
    for words in line.split("|")
}
_EXCEPT = re.compile(
    r"(?:x )?(?:all |any |every )?(?:the )?reals?(?: numbers?)? (?:except|but|other than|excluding"
    r"|without|not equal to)(?: for)?(?: x)?"
)
_SIGNS: dict[str, Literal["", "neg"]] = {
    "negative": "neg", "minus": "neg", "минус": "neg", "meno": "neg", "负": "neg",
    "positive": "", "plus": "", "плюс": "", "più": "", "正": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Before:
    """What the words in front of a value do to it."""

    sign: Literal["", "neg"] = ""
    bound: str = ""
    outside: bool = False
    """All real numbers but the value are meant."""
    label: frozenset[str] = frozenset()
    """What a label says that has an opposite: `Loss:` is no `Profit:`."""

    @classmethod
    def of(cls, words: Sequence[str], *, labelled: bool) -> Self:
        """Read the words, behind which a colon stands or does not.

        Raises:
            NotMathError: They are not known to leave the value as it is.
        """
        parts = [part.lower() for word in words for part in _WORD.findall(word)]
        labelled = labelled or (bool(words) and words[-1].rstrip().endswith((":", "=")))
        if not parts and words and not labelled:
            raise NotMathError(f"{' '.join(words)!r} before an expression")
        rest = list(parts)
        while rest and rest[0] in FILLERS:
            rest.pop(0)
        if not rest:
            return cls()
        if (bound := _BOUND_OF.get(" ".join(rest))) is not None:
            return cls(bound=bound)
        if _EXCEPT.fullmatch(" ".join(parts)):
            return cls(outside=True)
        if len(rest) == 1 and rest[0] in _SIGNS:
            return cls(sign=_SIGNS[rest[0]])
        if labelled and len(parts) <= LABEL_LIMIT and may_label(rest):
            return cls(label=label_marks(rest))
        raise NotMathError(f"{' '.join(words)!r} before an expression")

    def applied(self, node: Node) -> Node:
        """The value with its sign, bound or label.

        Raises:
            NotMathError: It is a relation already.
        """
        if self.outside:
            value = node.sides[-1] if isinstance(node, Relation) else node
            return Call("difference", (Constant("R"), Items((value,), "{", "}")))
        if self.label:
            return Quantity(node, "", self.label)
        if not (self.sign or self.bound):
            return node
        if isinstance(node, Relation):
            raise NotMathError("words before a relation")
        if self.bound:
            return Relation((Symbol(ANYTHING), node), (self.bound,))
        if isinstance(node, Quantity):
            return Quantity(self.applied(node.value), node.unit)
        return Call("neg", (node,))


def name_words(words: Sequence[str]) -> list[str]:
    """The words of a name in front of an equals sign."""
    return [part for word in words for part in _WORD.findall(word)]
