"""Deciding whether two answers are the same, without leaving this process.

Guarantees: no text is ever evaluated by Python; work is bounded by the limits of `lexer`, `parser`
and `values`, so that a decision takes milliseconds whatever the texts say. A pair that the grammar
does not cover is undecided (`same` is None).
"""

import re
from dataclasses import dataclass

from rewards.math.answers import bare
from rewards.math.lexer import has_upright_letter
from rewards.math.measures import is_measured, without_label
from rewards.math.nodes import Call, Items, Node, Number, Quantity, Relation, Symbol
from rewards.math.reading import Answer, read, read_measured, read_result, read_sentence
from rewards.math.rules import same as same_node
from rewards.math.texts import as_words, drawn_otherwise, same_text
from rewards.math.values import has_symbols


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two answers are the same, and the rule that says so."""

    same: bool | None
    rule: str
    nodes: tuple[Node, Node] | None = None
    """What the answer and the reference were read as, where they were compared as mathematics."""


_CERTAIN_UNIT = re.compile(r"[^\W\d_]{2}|/")
_DERIVED = re.compile(r"\\(?:nabla|partial)|frac\s*\{\s*(?:\\mathrm\s*\{\s*)?d\b|frac\s*\{\s*d")
ALGEBRA_LIMIT = 1_000  # characters
_PLAIN = re.compile(
    r"(?P<sign>-?)(?:(?P<whole>[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.(?P<part>[0-9]{1,9}))?"
    r"|\\[dt]?frac\{(?P<above>[0-9]{1,15})\}\{(?P<below>[0-9]{1,15})\}"
    r"|(?P<over>[0-9]{1,15})/(?P<under>[0-9]{1,15}))"
)


def decide(prediction: str, reference: str) -> Decision:
    """Compare two bare answers."""
    mine, gold = prediction.strip(), reference.strip()
    if not mine:
        return Decision(False, "no answer")
    if (same := _same_number(mine, gold)) is not None:
        return Decision(same, "number")
    answer, wanted = read(bare(mine)), read(bare(gold))
    if wanted.readings and not answer.readings:
        answer = read_sentence(mine) or read_result(answer.text) or answer
    if (rule := same_text(answer.text, wanted.text)) is not None:
        return Decision(True, rule)
    if (decision := _as_mathematics(answer, wanted)) is not None:
        return decision
    words = as_words(mine)
    if words and words == as_words(gold):
        return Decision(True, "words")
    return Decision(None, answer.fault or wanted.fault)


def _as_mathematics(answer: Answer, wanted: Answer) -> Decision | None:
    decision = _compare(answer, wanted) if answer.readings and wanted.readings else None
    if decision is None or not decision.same:
        decision = _compare_measured(answer, wanted) or decision
    if decision is not None and decision.same and drawn_otherwise(answer.text, wanted.text):
        return Decision(False, "decoration")
    return decision


def _same_number(mine: str, gold: str) -> bool | None:
    """Whether two plainly written rationals are equal; None where it takes the rules to tell."""
    left, right = _PLAIN.fullmatch(mine), _PLAIN.fullmatch(gold)
    if left is None or right is None:
        return None
    (a, b), (c, d) = _rational(left), _rational(right)
    if b and d and a * d == b * c:
        return True
    # A decimal may be met by rounding.
    return None if left["part"] or right["part"] or not (b and d) else False


def _rational(plain: re.Match[str]) -> tuple[int, int]:
    sign, whole, part, above, below, over, under = plain.groups()
    if whole is None:
        return int(f"{sign}{above or over}"), int(below or under)
    digits = whole.replace(",", "")
    return int(f"{sign}{digits}{part or ''}"), 10 ** len(part or "")


def worth_algebra(prediction: str, reference: str) -> bool:
    """Whether an undecided pair may be worth a computer algebra system's time."""
    if prediction.count("'") != reference.count("'") or _DERIVED.search(prediction + reference):
        return False  # math-verify takes nabla for a factor, and every derivative of a name is zero
    return all(len(text) <= ALGEBRA_LIMIT and "\\" in text for text in (prediction, reference))


def _compare(answer: Answer, wanted: Answer) -> Decision:
    reason = ""
    for i, gold in enumerate(wanted.readings):
        for j, mine in enumerate(answer.readings):
            if (i or j) and not (_may_be_meant(gold, mine) or (not i and _is_mixed(mine))):
                continue
            same, rule = same_node(mine, gold)
            if same:
                return Decision(True, rule, (mine, gold))
            reason = reason or rule
    return Decision(False, reason)


def _compare_measured(answer: Answer, wanted: Answer) -> Decision | None:
    """The decision where one of the two has a unit in letters: `5 kJ/mol` is 5."""
    mine = [node for node in (read_measured(answer.text), *answer.readings[:1]) if node is not None]
    gold = [node for node in (read_measured(wanted.text), *wanted.readings[:1]) if node is not None]
    pairs = [(one, other) for one in mine for other in gold]
    if any(map(is_measured, gold)) and (glued := read_measured(answer.text, "glued")) is not None:
        pairs += [(glued, other) for other in gold]
    if any(map(is_measured, mine)) and (glued := read_measured(wanted.text, "glued")) is not None:
        pairs += [(one, glued) for one in mine]
    in_mine, in_gold = has_upright_letter(answer.text), has_upright_letter(wanted.text)
    outcome = None
    for one, other in pairs:
        compared = one in answer.readings[:1] and other in wanted.readings[:1]
        if compared or _is_open(one, named=in_mine) or _is_open(other, named=in_gold):
            continue
        variable = not in_gold and _may_be_variable(other)
        if other not in wanted.readings[:1] and variable and not is_measured(one):
            continue
        same, rule = same_node(one, other)
        if same:
            return Decision(True, rule, (one, other))
        outcome = outcome or Decision(False, rule)
    return outcome


def _is_open(node: Node, *, named: bool) -> bool:
    """Whether variables stand in a value; `named` says that its name is none, `I = 3 A`."""
    inner = node.value if isinstance(node, Quantity) else node
    if named and isinstance(inner, Relation) and inner.operators == ("=",):
        name, value = inner.sides
        return not isinstance(name, Symbol) or has_symbols(value)
    return has_symbols(node)


def _may_be_variable(node: Node) -> bool:
    """Whether a unit is one letter with an exponent: in `6 s^2` it may well be a side."""
    node = without_label(node)
    if not isinstance(node, Quantity) or isinstance(node.value, Quantity):
        return False  # `25^\circ C` is a temperature
    return _CERTAIN_UNIT.search(node.unit) is None


def _may_be_meant(gold: Node, mine: Node) -> bool:
    """Whether a second reading is tried: a list against a list, a decimal against a decimal."""
    if isinstance(gold, Items) or isinstance(mine, Items):
        return isinstance(gold, Items) and isinstance(mine, Items)
    return _has_point(gold) and _has_point(mine)


def _is_mixed(mine: Node) -> bool:
    """Whether a further reading is a mixed number, `2 and 1/2`; in a reference these are two."""
    return isinstance(mine, Number) and mine.decimals is None


def _has_point(node: Node) -> bool:
    if isinstance(node, Call) and node.name == "neg":
        return _has_point(node.arguments[0])
    return isinstance(node, Number) and node.decimals is not None
