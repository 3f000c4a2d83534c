"""Whether a "not" in prose governs what stands after it, or another clause begins between the two.

Where it is in doubt the "not" governs. A clause of its own begins behind a conjunction that has a
subject ("do not know it so I call"), or as the main clause that a subordinate one calls for ("Since
I do not know the date I call", "Without a date I'll use"); never right after words of thinking
or saying, which take a clause as their object ("do not think I will call").

Guarantees: work is bounded by the piece of text that is given.
"""

import re
from typing import Final

_NEGATION: Final = re.compile(
    r"\b(?:not|never|without|cannot|instead of|rather than|avoid|refuse to|refrain from"
    r"|no need (?:to|for)|neither|nor|не|без|non|senza|nicht|kein\w{0,2}|ohne|sans|sin)\b"
    r"|n['’]t\b|不(?:要|会|能|应|该|用|必|得|再)?|别|勿|無需|无需|没有|不需",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[^.;:!?,\n。；：！？，]{0,40}")
_BREAK: Final = r"(?:^|[.;:!?,\n>)\]\"])\s*(?:(?:and|but|so|well|now|и|но|e|ma|und|et|mais) )?"
_LEADS: Final = re.compile(  # since I do, as it is
    _BREAK + r"(?:(?:since|as|because|although|though|given that|seeing (?:as|that))"
    r" (?:I|you|we|they|he|she|it|there|this|that|these|those|the|an?|my|your|our|no)\b"
    r"|(?:поскольку|так как|раз) |(?:poich[eé]|siccome|dato che|visto che) ?|(?:da|weil) )"
    r"[^.;:!?,\n]{0,40}$",
    re.IGNORECASE,
)
_OPENS: Final = re.compile(_BREAK + "$", re.IGNORECASE)
_PREPOSITION: Final = re.compile(
    "without|instead of|rather than|без|senza|ohne|sans|sin", re.IGNORECASE
)
_PARTICIPLE: Final = re.compile(r" \w{1,32}ing\b", re.IGNORECASE)
_OWN: Final = (  # I'll use
    r"(?:I|we)(?:['’](?:ll|m|re|ve))?(?: (?:will|shall|am|are|now|just|simply|also|first|then))*"
    r" (?:call|use|run|invoke|execut|try|mak|issu|send|go|tak|start)\w{0,4}\b"
    r"|(?:let me|let['’]s|here (?:is|are|comes))\b"
)
_RUSSIAN: Final = (
    r"(?:(?:сейчас|теперь|просто) )?(?:вызыва|вызов|использу|запуска|запущ)(?:ю|у|ем|им)\b"
)
_ITALIAN: Final = r"(?:chiamo|uso|utilizzo|invoco|eseguo)\b"
_GERMAN: Final = r"(?:rufe|nutze|verwende|starte) ich\b"
_JOINED: Final = re.compile(  # it so I, it but will, поэтому вызываю
    r"(?<=\w) (?:so (?:(?:I|we)(?! (?:can|could|may|might)\b)|let|here)\b|but\b"
    rf"|(?:therefore|thus|hence) (?:{_OWN})"
    rf"|(?:поэтому|тогда|но) (?:я {_RUSSIAN}|{_RUSSIAN})"
    rf"|(?:quindi|allora|ma) {_ITALIAN}|(?:donc|alors) j['’]\w)"
    rf"|(?:also|daher|deshalb|darum) {_GERMAN}"
    r"|(?<=\w)(?:所以|但|(?:因此|于是|然后)我|我(?:将|就|现在|先|直接))",
    re.IGNORECASE,
)
_FOLLOWING: Final = re.compile(rf"(?<=\w) (?:and|then|and then) (?:{_OWN})", re.IGNORECASE)
_MAIN: Final = re.compile(
    rf"(?<=\w) (?:{_OWN}|я {_RUSSIAN}|{_ITALIAN}|{_GERMAN}|j['’](?:appelle|utilise|exécute)\b)",
    re.IGNORECASE,
)
_TAKES: Final = (
    r"think\w*|thought|believ\w+|say\w*|said|claim\w*|see|seeing|saw|that|why|whether"
    r"|mean\w*|suggest\w*|suppos\w+|imagin\w+|assum\w+|expect\w*|recommend\w*|hop(?:e|ing)|feel\w*"
    r"|guess\w*|promis\w+|agree\w*|insist\w*|want\w*|tell\w*|told|state[sd]?|stating|doubt\w*"
    r"|consider\w*|propos\w+|wish\w*|decid\w+|plan\w*"
    r"|if|how|what|when|where|which|who|case|reason|way|understand|remember"
    r"|что|чтобы|почему|зачем|как|если|ли|дума\w+|счита\w+|говор\w+|увер\w+|сказа\w+"
    r"|che|perch[eé]|se|cosa|come|quando|penso|credo|dico|ritengo|vedo"
    r"|dass|ob|warum|wie|denke|glaube|sage|que|pourquoi|si|dire|penser|decir"
)
_TAKING: Final = re.compile(rf"\b(?:{_TAKES})\b", re.IGNORECASE)
_TAKING_LAST: Final = re.compile(
    rf"(?:\b(?:{_TAKES}|kn[eo]w\w*|sure|certain|convinced|clear|necessary|needed|required|true"
    r"|likely|possible|so|non|зна\w+)"
    r"|认为|觉得|相信|说|想|确定|肯定|知道|保证|意味着|为什么|是否|要求|要|需要|必要|理由|希望|建议"
    r"|明白|理解|看出|表示|代表|打算|让)\s*$",
    re.IGNORECASE,
)
"""Words that take a clause as their object where they stand right before it."""
_ADVERBS: Final = re.compile(
    r"(?:\s*\b(?:\w+ly|just|even|also|then|now|ever|yet|always|still|so)\b)*\s*", re.IGNORECASE
)


def is_negated(text: str, begin: int, start: int) -> bool:
    """Whether the last negation from `begin` on governs what begins at `start`."""
    negations = list(_NEGATION.finditer(text, begin, start))
    if not negations:
        return False
    negation = negations[-1]
    between = text[negation.end() : start]
    if _CLAUSE.fullmatch(between) is None:
        return False
    return not _is_another(text[begin : negation.start()], negation[0], between)


def _is_another(before: str, negation: str, between: str) -> bool:
    """Whether a clause begins in `between`, to which the negation before it does not belong."""
    for joined in _JOINED.finditer(between):
        if _TAKING_LAST.search(between[: joined.start()]) is None:
            return True
    for following in _FOLLOWING.finditer(between):
        if _TAKING.search(between[: following.start()]) is None:
            return True
    if not _calls_for_more(before, negation, between):
        return False
    main = _MAIN.search(between)
    if main is None:
        return False
    held = between[: main.start()]
    is_object = _ADVERBS.fullmatch(held) is None and _TAKING_LAST.search(held) is None
    return is_object and _TAKING.search(held) is None


def _calls_for_more(before: str, negation: str, between: str) -> bool:
    """Whether a negation stands in a subordinate clause or phrase, which a main clause follows."""
    if _LEADS.search(before) is not None:
        return True
    if _OPENS.search(before) is None:
        return False
    return bool(_PREPOSITION.fullmatch(negation) or _PARTICIPLE.match(between))
