"""Forms of Russian and Italian words that change what a value says: `убытка`, `sbagliata`.

Guarantees: a form is a stem and an ending of its declension; no other word of the language begins
with a stem and ends so.
"""

_ADJECTIVE = "ый ая ое ые ого ой ому ую ым ыми ом ых о а ы"
_NOUN_IN_NIE = "ние ния нию нием нии ний ниям ниями ниях"
_ITALIAN_ADJECTIVE = "o a i e"
_DECLINED = (
    (_ADJECTIVE, "wrong", "неправильн неверн ошибочн ложн"),
    (_ADJECTIVE, "negative", "отрицательн"),
    (_ADJECTIVE, "positive", "положительн"),
    (_ADJECTIVE, "even", "чётн четн"),
    (_ADJECTIVE, "odd", "нечётн нечетн"),
    ("ь и ью ей ям ями ях", "profit", "прибыл"),
    ("ок ка ку ком ке ки ков кам ками ках", "loss", "убыт"),
    (_NOUN_IN_NIE, "increase", "увеличе возраста повыше"),
    (_NOUN_IN_NIE, "decrease", "уменьше сниже паде пониже"),
    ("ост оста осту остом осте", "increase", "р"),
    ("р ра ру ром ре", "north", "севе"),
    ("г га гу гом ге", "south", "ю"),
    ("к ка ку ком ке", "east", "восто"),
    ("д да ду дом де", "west", "запа"),
    (_ITALIAN_ADJECTIVE, "wrong", "sbagliat errat fals scorrett"),
    (_ITALIAN_ADJECTIVE, "negative", "negativ"),
    (_ITALIAN_ADJECTIVE, "positive", "positiv"),
    ("o i", "profit", "profitt guadagn"),
    ("a e", "loss", "perdit"),
    ("o i", "increase", "aument"),
    ("e i", "decrease", "diminuzion riduzion"),
)
"""Endings, what the words mean, and their stems."""

MEANINGS: dict[str, str] = {
    f"{stem}{ending}": meaning
    for endings, meaning, stems in _DECLINED
    for stem in stems.split()
    for ending in endings.split()
}
"""Meanings by the forms of the words that have them."""
