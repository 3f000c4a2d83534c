"""What of a question's words is mathematics: its formulas, and names that make another question.

Guarantees: linear in the text's length. Two settings of one formula say the same; two questions
that differ in a variable, a sign, a function or an operation do not, however alike they are.
"""

import re
import zlib
from typing import Final

_SIGNS: Final = b"=<>+*/^|%-!"
_NAMES: Final = frozenset(
    b"""
    b c d e f g h i j k l m n o p q r s t u v w x y z sin cos tan tg cot ctg sec csc arcsin
    arccos arctan arccot sinh cosh tanh log ln lg exp sqrt gcd lcm max min mod det lim int
    oint sum prod binom floor ceil deg arg dim ker partial nabla le ge ne pm mp perp parallel
    equiv cong approx sim cup cap subset subseteq notin varnothing infty circ vec wedge vee
    neg forall exists sine cosine tangent cotangent secant cosecant logarithm exponential
    factorial determinant inverse derivative integral limit root roots square squares cube
    cubes squared cubed reciprocal conjugate alpha beta gamma delta epsilon zeta eta theta
    iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega product difference
    quotient remainder ratio plus minus times divided multiplied added subtracted average mean
    median mode range variance area perimeter volume radius diameter circumference length
    width height base altitude hypotenuse slope intercept vertex center centroid incenter
    circumcenter orthocenter numerator denominator least greatest smallest largest minimum
    maximum minimize maximize first last more fewer less greater than even odd prime composite
    positive negative rational irrational real imaginary complex integer increasing decreasing
    arithmetic geometric harmonic union intersection row column clockwise counterclockwise
    polar cylindrical spherical rectangular linear quadratic cubic convex concave acute obtuse
    isosceles equilateral scalene not never always no none all every exactly triangle
    quadrilateral rhombus parallelogram trapezoid pentagon hexagon heptagon octagon circle
    ellipse parabola hyperbola sphere cone cylinder pyramid prism tetrahedron half third
    quarter double twice triple one two three four five six seven eight nine ten eleven twelve
    """.split()
)
"""Words that a question turns on: single letters but for the article, functions and operators as
LaTeX and texts name them, letters of Greek, operations, quantities, kinds of number and of figure,
small numbers. Places and persons are none."""
_PROSE: Final = re.compile(r"(?<=[a-z]{2})[-!]+|-(?=[a-z]{2})|(?<=[a-z])'[a-z]{1,2}(?![a-z])")
"""Hyphens, exclamations and the ends of `Tom's`: no signs, and no letters by themselves."""
_LETTERS: Final = bytes(code if 97 <= code <= 122 else 32 for code in range(256))
_NO_SIGNS: Final = bytes(code for code in range(256) if code not in _SIGNS)


def formula_mark(plain_text: str) -> int:
    """64 bits, equal where a plain text's names and signs are, in their order."""
    if "-" in plain_text or "'" in plain_text or "!" in plain_text:
        plain_text = _PROSE.sub(" ", plain_text)
    held = plain_text.encode("utf-8", "surrogatepass")
    names = [word for word in held.translate(_LETTERS).split() if word in _NAMES]
    signs = held.translate(None, _NO_SIGNS)
    return zlib.crc32(b" ".join(names)) << 32 | zlib.crc32(signs)
