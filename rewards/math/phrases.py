r"""The answer that stands behind a phrase: `The answer is 41.`, `### Final Answer` and a line.

Guarantees: the last phrase counts; linear in the text's length.
"""

import re
from collections.abc import Sequence

_NAME = r"(?:answer|答案|答|ответ|risposta|respuesta|réponse|antwort|resposta)"
_MARKS = r"[*_]{0,3}+"
_GAP = r"[ \t]*+"
PHRASES = (
    rf"answer(?:\s++(?:to|of|for)\s[^.\n:=]{{1,80}}?(?=\s++(?:is|should|would)\b|[:：=]))?\s*+{_MARKS}\s*+"
    rf"(?:is|are|should\s++be|would\s++be|[:：=–—]|(?<=\s)-(?=\s))\s*+{_MARKS}\s*+[:：]?+\s*+",
    r"(?:答案|结果)\s*+(?:应该)?+(?:是|为|為|[：:=])\s*+[:：]?+\s*+|答\s*+[:：]\s*+",
    rf"ответ\s*+{_MARKS}\s*+(?:[:—–=-]|равен|это)\s*+{_MARKS}\s*+",
    rf"(?:risposta|respuesta|réponse|antwort|resposta)(?:\s++finale?)?+\s*+{_MARKS}\s*+"
    rf"(?:è|est|es|ist|é|[:=])\s*+{_MARKS}\s*+:?+\s*+",
    rf"(?:^|\n){_GAP}(?:#{{1,6}}{_GAP})?+{_MARKS}{_GAP}(?:(?:the|my)[ \t]++)?+"
    rf"(?:final[ \t]++|最终)?+{_NAME}{_GAP}{_MARKS}{_GAP}[:：.]?+{_GAP}{_MARKS}{_GAP}\n\s*+",
    r"####\s*+",
)
"""What stands before an answer that has no box, as regular expressions; case does not matter."""
PHRASE_LIMIT = 400  # characters of an answer after a phrase
_SENTENCE_END = re.compile(r"\.(?=\s|$|\*|[^\x00-\x7f])|\n|<\||[。．！]|</?[a-z]+>")
_CLAUSE = re.compile(
    r"\s*[,;(]\s*(?:as|since|because|which|so|where|when|for|by|given|thus|hence|therefore|meaning"
    r"|that\s+is|i\.e|and\s+(?:we|the|this|it|that|so))\b|\s+(?:because|since)\s"
    r"|\s+as\s+(?:shown|required|desired|expected|above|needed)|[，,]\s*(?:因为|所以)"
    r"|,\s*(?:так как|perché)",
    re.IGNORECASE,
)
_DELIMITERS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"), ("***", "***"),
               ("**", "**"), ("__", "__"), ("```", "```"), ("`", "`"), ("*", "*"),
               ('"', '"'), ("“", "”"))  # fmt: skip
_DONE = re.compile(
    r"\s*(?:$|\n|[*_`]{1,3}(?:\s|$|[.,;:!)])|[.,;:!)。，；](?:\s|$|[^\x00-\x7f])"
    r"|(?:because|since|as|which|where|so)\s)",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(r"\\begin\{([a-z]+\*?)\}")


def after_phrase(text: str, phrases: Sequence[str]) -> str | None:
    """What stands behind the last phrase, up to its sentence's end; None where there is none."""
    found = None
    for phrase in phrases:
        for match in re.finditer(phrase, text, re.IGNORECASE):
            if found is None or match.end() > found:
                found = match.end()
    if found is None:
        return None
    return _value(text[found : found + PHRASE_LIMIT].lstrip())


def _value(rest: str) -> str | None:
    if (whole := _delimited(rest)) is not None:
        return whole
    end = _SENTENCE_END.search(rest)
    sentence = rest[: end.start()] if end else rest
    clause = _CLAUSE.search(sentence, 1) if sentence else None
    answer = sentence[: clause.start()] if clause else sentence
    return answer.replace("**", "").replace("`", "").strip().strip("*_").strip() or None


def _delimited(rest: str) -> str | None:
    """What stands in delimiters at the start, if the answer ends with them: `**41**, as shown`."""
    if (environment := _ENVIRONMENT.match(rest)) is not None:
        closing = f"\\end{{{environment[1]}}}"
        end = rest.find(closing)
        return rest[: end + len(closing)] if end >= 0 else None
    for opening, closing in _DELIMITERS:
        if not rest.startswith(opening):
            continue
        end = rest.find(closing, len(opening))
        inside = rest[len(opening) : end].strip()
        if end >= 0 and inside and _DONE.match(rest, end + len(closing)):
            return _delimited(inside) or inside
        return None
    return None
