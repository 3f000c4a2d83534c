"""The language of a request is told by letters, by small words, and else by langdetect."""

from unittest.mock import patch

import pytest

from data.curate import language
from data.curate.language import language_of

TEXTS = [
    ("en", "How many apples does Ann have?"),
    ("en", "Compute $\\int_0^1 x\\,dx$."),
    ("en", "Nancy earns $28 for working 4 hours. How long must she work to earn $70?"),
    ("ru", "Найдите $x$, если $2x+3=7$."),
    ("ru", "Решите уравнение $AB + BC = CD$ в целых числах"),
    ("uk", "Знайдіть усі натуральні числа, що діляться на її суму."),
    ("zh", "求 $x$ 的值。"),
    ("zh", "在△ABC中,AB=AC,求∠A。"),
    ("zh", "設 $f(x)=x^2$,求 $f(2)$。"),
    ("ja", "太郎は何個のりんごを持っていますか"),
    ("ko", "철수는 사과를 몇 개 가지고 있습니까"),
    ("it", "Qual è il valore di $x$?"),
    ("it", "Calcola l'area del triangolo $ABC$."),
    ("it", "Un treno percorre 120 km in 2 ore. A quale velocità viaggia?"),
    ("fr", "Combien de pommes Jean a-t-il dans son panier ?"),
    ("es", "¿Cuántos libros tiene Ana en la mesa?"),
    ("de", "Wie viele Äpfel hat Hans noch?"),
    ("pt", "Quantos livros a Ana tem em sua mesa?"),
    ("el", "Να βρείτε το $x$."),
    ("ar", "أوجد قيمة $x$"),
    ("fa", "چند سیب در سبد است؟"),
    ("", "$2+2=?$"),
    ("", ""),
    ("", "\\[\\frac{1}{2}+\\frac{1}{3}\\]"),
]


@pytest.mark.parametrize(("wanted", "text"), TEXTS)
def test_letters_and_small_words_tell_it(wanted: str, text: str) -> None:
    with patch.object(language, "_by_profile", side_effect=AssertionError("langdetect was asked")):
        assert language_of(text) == wanted


def test_drawings_and_mathematics_are_no_language() -> None:
    drawing = '[asy] draw(A--B); label("the of and is are what", A); [/asy]'
    mathematics = "$\\text{the of and is are what}$"

    assert language_of(f"Trova l'area del quadrato. {drawing} {mathematics}") == "it"


def test_langdetect_tells_what_small_words_do_not() -> None:
    assert language_of("Kuinka monta omenaa Matilla on jäljellä kaupassa käynnin jälkeen?") == "fi"
