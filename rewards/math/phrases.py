r"""The answer that stands behind a phrase: `The answer is 41.`, `### Final Answer` and a line.

Guarantees: the last phrase counts; linear in the text's length.
"""

import re
from collections.abc import Sequence

_NAME = r"(?:answer|答案|答|ответ|risposta|respuesta|réponse|antwort|resposta)"
_MARKS = r"[ \t]*[*_]{0,3}[ \t]*"
PHRASES = (
    r"answer(?:\s+(?:to|of|for)\s[^.\n:=]{1,80}?)?\s*[*_]{0,3}\s*(?:is|are|should\s+be|would\s+be|:|：|=)"
    r"\s*[*_]{0,3}\s*[:：]?\s*",
    r"(?:答案|结果)\s*(?:应该)?(?:是|为|為|：|:|=)\s*[:：]?\s*|答\s*[:：]\s*",
    r"ответ\s*[*_]{0,3}\s*(?::|—|–|-|=|равен|это)\s*[*_]{0,3}\s*",
    r"(?:risposta|respuesta|réponse|antwort|resposta)(?:\s+final[e]?)?\s*[*_]{0,3}\s*(?:è|est|es|ist|é|:|=)"
    r"\s*[*_]{0,3}\s*:?\s*",
    rf"(?:^|\n)[ \t]*(?:#{{1,6}}[ \t]*)?[*_]{{0,3}}(?:the[ \t]+|my[ \t]+)?"
    rf"(?:final[ \t]+|最终)?{_NAME}{_MARKS}[:：.]?{_MARKS}\n\s*",
    r"####\s*",
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
               ("**", "**"), ("__", "__"), ("```", "```"), ("`", "`"), ("*", "*"))  # fmt: skip
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
    return answer.replace("**", "").replace("`", "").strip().strip("*").strip() or None


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
