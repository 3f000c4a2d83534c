r"""What questions say when they ask for a proof, an opinion, several things, or show a figure.

Guarantees: each list is looked for in two steps, by words that every phrase has and, where one is
there, by a regular expression without nested repetition: nearly all questions pay for the first
alone. Texts are given in lower case.
"""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from data.curate.math_text import holds

_LETTERS: Final = bytes(code if 97 <= code <= 122 else 32 for code in range(256))
"""Small letters as they are, and a blank for all else."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of several languages.

    Attributes:
        words: each phrase in ASCII has one of these.
        pieces: each other phrase contains one of these.
        pattern: what decides.
    """

    words: frozenset[str]
    pieces: tuple[str, ...]
    pattern: re.Pattern[str]

    def search(self, text: str, words: AbstractSet[str] | None = None) -> re.Match[str] | None:
        """The first phrase in a text in lower case; `words`: its `vocabulary`, if it is known."""
        if not self.words.isdisjoint(vocabulary(text) if words is None else words):
            return self.pattern.search(text)
        if text.isascii() or not holds(text, self.pieces):
            return None
        return self.pattern.search(text)


def vocabulary(text: str) -> frozenset[str]:
    """The words in ASCII of a text in lower case."""
    letters = text.encode("ascii", "replace").translate(_LETTERS)
    return frozenset(letters.decode("ascii").split())


def _phrases(words: str, pieces: str, *patterns: str) -> Phrases:
    each = tuple(pieces.split("|")) if pieces else ()
    return Phrases(frozenset(words.split()), each, re.compile("|".join(patterns)))


_BEGIN: Final = r"(?:^|[.?!:;,)$\n}\]]\s*|\d\s+|\b(?:to|and|then|please|must|should|also|us|we)\s+)"
"""Where an imperative may stand: `Prove that`, not `their records prove that`."""

PROOF: Final = _phrases(
    "prove disprove proof show demonstrate verify establish dimostra dimostrare "
    "dimostrate dimostri dimostrino provi provare provate prova mostrare mostrate mostra "
    "mostri montre montrer montrez montrons prouve prouver prouvez demuestra demuestre "
    "demostrar pruebe beweise beweisen zeige zeigen",
    "докаж|доказ|покаж|证明|證明|求证|求證|试证|démontre",
    _BEGIN + r"(?:dis)?prove\b(?! (?:it |them )?(?:wrong|useful))",
    r"\b(?:give|write|provide|complete|find) (?:a|an|the|your) (?:\w+ )?proof\b",
    _BEGIN + r"show (?:\$|by induction)",
    _BEGIN + r"(?:show|demonstrate|verify|establish)(?:,[^,.]{1,60},)? (?:that|why|how)\b",
    r"докаж(?:и|ите)\b|доказать\b|требуется доказать|покаж(?:и|ите),? что",
    r"(?<!已)(?<!已经)(?<!可以)(?<!不难)(?:证明(?!了)|證明(?!了))|求证|求證|试证",
    r"\bdimostr(?:a|are|ate|i|ino)\b(?! di )|\b(?:si provi|provare|provate|prova|mostrare|mostrate"
    r"|mostra|si mostri) che\b",
    r"\b(?:dé)?montre(?:r|z|ns)? que\b|\bprouve[rz]? que\b",
    r"\b(?:demuestr(?:a|e)|demostrar|pruebe) que\b|\bbeweise(?:n sie)?\b|\bzeige(?:n sie)?, dass\b",
)
"""Something is to be proved."""

VALUE: Final = re.compile(
    r"[?？]"
    rf"|{_BEGIN}(?:find|determine|compute|calculate|evaluate|solve|simplify|express|factor)\b"
    r"|\b(?:what|how (?:many|much))\b"
    r"|\b(?:найд(?:ите|и)|найти|вычисл(?:ите|ить)|определите|сколько|чему|решите|решить)\b"
    r"|求(?![证證解]?明|证|證)|计算|計算|多少|几|等于"
    r"|\b(?:trov(?:a|are|ate|i)|calcol(?:a|are|ate|i)|determin(?:a|are|ate|i)|quant[oiae]|qual[ei]?"
    r"|risolv\w+)\b"
    r"|\b(?:trouve[rz]?|calcule[rz]?|détermine[rz]?|combien|quel(?:le)?s?)\b"
    r"|\b(?:hall(?:a|ar|e)|encuentr[ae]|cuánt[oa]s?|cuál(?:es)?|berechne|bestimme|wie viele)\b"
)
"""A value is asked for."""

TALK: Final = _phrases(
    "explain describe discuss justify why think notice own compare draw sketch story "
    "essay paragraph poem investigate design reflect graph plot compass straightedge "
    "spiega spiegare spiegate descrivi descrivere descrivete discuti discutere disegna disegnare "
    "disegnate giustifica giustificare giustificate explique expliquer expliquez explica zeichne",
    "объясн|опиши|обсуди|почему|нарису|начерти|построй|линейк|придума|作图|作出|尺规|解释|解釋|说明理由|说说|讨论|画出|畫出|谈谈|为什么|設計|设"
    "计|perché|décri|erkläre",
    _BEGIN + r"(?:explain|describe|discuss|justify|draw|sketch|investigate|design|reflect on)\b",
    r"\bwhy\b[^.?]{0,300}\?|\bwhat do you (?:think|notice)\b|\bin your own words\b"
    r"|\bcompare and contrast\b|\bruler and compass\b|\bstraightedge\b",
    _BEGIN + r"(?:graph|plot) (?:the|each|this)\b",
    _BEGIN
    + r"(?:write|make up|create|tell) (?:a|an|your own) (?:\w+ )?(?:story|essay|paragraph|poem)\b",
    r"\b(?:объясните|объясни|опишите|опиши|обсудите|нарисуйте|нарисуй|начертите|постройте|придумайте)\b"
    r"|\bпочему\b[^.?]{0,300}\?",
    r"解释|解釋|说明理由|说说|讨论|画出|畫出|作图题|作出|尺规|谈谈|为什么|設計|设计",
    r"\b(?:spieg(?:a|are|ate)|descriv(?:i|ere|ete)|discut(?:i|ere|ete)|disegn(?:a|are|ate)"
    r"|giustific(?:a|are|ate))\b|\bperché\b[^.?]{0,300}\?",
    r"\bexpliqu(?:e|er|ez)\b|\bdécri(?:re|vez)\b|\bexplica\b|\berkläre\b|\bzeichne\b",
)
"""An explanation, an opinion or a drawing is asked for."""

MANY_RIGHT: Final = _phrases(
    "example examples possible any esempio possibile",
    "пример|举例|舉例|即可|写出一",
    _BEGIN
    + r"(?:give|find|construct|provide|write|name|state) (?:\w+ )?(?:an?|one|two|three|some) "
    r"(?:\w+ )?examples?\b",
    r"\bwhat is (?:one|a) possible\b|\b(?:find|give|name|list|state|write)(?: down)? (?:one|any one"
    r"|any two|any three|any|a) possible\b",
    r"\b(?:find|give|name|list|state|write)(?: down)? any (?:one|two|three|solution"
    r"|pair|number|value)\b",
    r"\b(?:приведите|привести|придумайте|постройте) (?:какой-нибудь |хотя бы один |один )?пример",
    r"举例|舉例|[一二两]个即可|任意一个即可|(?<!随机)(?<!任意)写出一[个种組组]",
    r"\b(?:fornire|dare|dai|fai|fare|trova|trovare|si dia) un esempio\b|\bun possibile valore\b",
)
"""Many answers are right, and the reference is one of them."""

WHICH: Final = _phrases(
    "following below seguenti suivants suivantes suivant siguientes folgenden",
    "下列|以下|下面|следующих|из перечисл|из предлож",
    r"\bwhich (?:\w+ ){0,3}(?:of )?the (?:\w+ )?(?:following|below)\b",
    r"\bwhat (?:\w+ ){0,2}of the following\b",
    r"(?:下列|以下|下面)[^。；;]{0,30}(?:正确|错误|成立|一定|可能|不|符合|哪|是|为)[^。]{0,30}[(（]\s*[)）]"
    r"|(?:下列|以下|下面)[^。；;]{0,20}哪",
    r"\b(?:какое|какая|какие|какой|какую|какого) из (?:следующих|перечисленных|предложенных)",
    r"\bqual[ei]? (?:\w+ )?(?:delle|dei|degli|tra le|tra i|fra le|fra i) (?:\w+ )?seguenti\b",
    r"\b(?:lequel|laquelle|quelle) des .{0,30}suivant|\bcuál de (?:las|los) siguientes\b"
    r"|\bwelche[rs]? der folgenden\b",
)
"""A choice is asked for."""

ALSO: Final = _phrases(
    "also",
    "также найдите",
    r"\balso,? (?:find|determine|compute|calculate|what|how)\b|\bтакже найдите\b",
)
"""A second value is asked for."""

CONTEXT: Final = _phrases(
    "previous preceding exercise exercises problem problems continuation precedente",
    "предыдущ|в задаче|上一题|上题|前一题|前题",
    r"(?:\b(?:refer to|see|as in|continu\w+(?: from| with)?|using|use|of)"
    r"|(?:^|[.?!]\s*)(?:in|from)) the (?:previous|preceding) (?:problem"
    r"|exercise|question|example|part)\b"
    r"|\(continuation\)|\b(?:in|of|from|using|see) (?:problem|exercise)s? \(?\d+(?:\.\d+)?[,.;:)]"
    r"|\b(?:problema|esercizio) precedente\b"
    r"|\bпредыдущ\w+ задач|\bв задаче \d|上一?题|前一?题",
)
"""Another question is referred to."""

_PLACES: Final = r"(?:below|above|here|at (?:the )?right|(?:on|to) the (?:right|left))"
_NOUNS: Final = (
    r"(?:figure|diagram|graph|chart|table|grid|map|picture|image|plot|drawing|histogram|number line"
    r"|shape|spinner|triangle|square|circle|array|rectangle|rhombus|trapezoid|quadrilateral"
    r"|parallelogram|polygon|pentagon|hexagon|octagon|region|sector|configuration|lattice|pattern|arrangement|tree|solid|curve"
    r"|cube|cone|cylinder|prism|pyramid|view)"
    r"(?:e?s)?"
)
_SHOWN: Final = (
    rf"\b{_NOUNS} (?:\$[^$]{{1,30}}\$ |\w+ )?(?:shown|pictured|depicted|illustrated|{_PLACES})\b"
    r"(?! (?:the|an?|[a-z]+'s|\d|\$|sea|it|him|her|them|by|to|that)\b)",
    r"\b(?:the|this|each|entire|following)"
    r" (?:(?!as|is|are|was|were|be|been|has|have|had|not|and)\w+ ){1,3}shown\b"
    r"(?! (?:on|to|by|that|in (?:the )?(?:theat|total|cinema))\b)",
    rf"\b(?:the|this|following) (?:[\w-]+ )?{_NOUNS} (?:\w+ )?(?:shows?|represents?|gives?"
    r"|indicates?)\b",
    r"\bbelow (?:is|are) the\b",
    r"\b(?:on|in|using|from) (?:this|the) (?:[\w-]+ ){0,4}(?:bar graph|grid of|grid,)"
    r"|\b(?:according to|shown in|displayed in|given in|listed in) (?:the|this) (?:\w+ )?(?:graph"
    r"|chart|table|diagram|plot)\b|\bpictured[.?]",
    rf"\b(?:is|are) (?:shown|pictured|illustrated|depicted)(?: (?:{_PLACES}|in (?:the|this)"
    r" (?:figure|diagram|picture|graph|table|chart))\b|[.,:]|$)",
    rf"\b(?:shown|pictured|illustrated|drawn|depicted) {_PLACES}\b",
    r"\b(?:figure|fig\.|diagram) ?\d",
    r"\b(?:on|in) the (?:(?:following|adjacent|adjoining|attached|accompanying|given) )"
    r"(?:figure|diagram|picture)",
    r"\bна (?:\w+ )?(?:рисунк|чертеж|схем|картинк|диаграмм)|\b(?:см\. )?рис\. ?\d|\bна рис\."
    r"|\bпо рисунку\b|\b(?:в|из) (?:\w+ )?таблиц[еы] (?:ниже|показан|привед)"
    r"|\bграфик\w* (?:ниже|на рисунке)",
    r"(?<![地版])[图圖](?:中|[1-9一二①②甲])|[下右左上][图圖](?![形像象])|见[图圖]|下表|如表",
    r"\bfigura (?:a (?:lato|destra|sinistra)|qui|seguente|sotto|accanto|riportata|mostrata)"
    r"|\bdisegn[oi] (?:a lato|qui|sotto|seguente|accanto|mostrato)"
    r"|\b(?:grafico|tabella) (?:qui|sotto|seguente|accanto|mostrat)",
)
_MENTIONED: Final = (
    r"\bas (?:shown|pictured|illustrated|depicted)\b(?! (?:by|that)\b)",
    r"\bthe (?:\w+ ){0,2}(?:un|non-)?shaded\b|\bis (?:un)?shaded\?",
    r"\b(?:in|from|of|on|to|see|using|by|at) (?:the|this) (?:\w+ )?(?:figures?|diagrams?)\b"
    r"(?! (?:of|by|cut|itself|skat|out)\w*)",
    r"\b(?:in|from|see) the (?:picture|drawing|image|illustration)\b(?! of\b)",
    r"如(?:附)?[图圖]|[图圖](?:示|所示)",
    r"\b(?:in|nella|dalla|vedi) figura\b|\bnel (?:disegno|diagramma)\b",
    r"\b(?:sur la|dans la|voir) figure\b|\ben la figura\b|\bin der abbildung\b",
)
_FIGURE_WORDS: Final = (
    "figure figures fig diagram diagrams shown pictured picture pictures illustrated depicted image"
    " images illustration drawing drawings drawn chart charts graph graphs table tables grid grids"
    " map maps plot plots shaded spinner spinners below above figura disegno disegni diagramma"
    " grafico tabella abbildung"
)
_FIGURE_PIECES: Final = "сунк|чертеж|рис.|на рис|диаграм|схем|картин|таблиц|график|图|圖|下表|如表"
FIGURE: Final = _phrases(_FIGURE_WORDS, _FIGURE_PIECES, *_SHOWN, *_MENTIONED)
"""A figure or a table is referred to."""

SHOWN: Final = _phrases(_FIGURE_WORDS, _FIGURE_PIECES, *_SHOWN)
"""It is, in words that leave to it what is given: `as shown`."""

PICTURE: Final = re.compile(
    r"!\[[^\]]{0,300}\]\(|<img\b|\\includegraphics|<image>|\[image\]|\[img\]"
)
"""A picture stands where words cannot show it."""
PICTURE_MARKS: Final = ("![", "<im", "[im", "\\inc")

TELLING: Final = frozenset().union(
    *(one.words for one in (PROOF, TALK, MANY_RIGHT, WHICH, ALSO, CONTEXT, FIGURE, SHOWN))
)
"""The words of all phrases in ASCII: a text without them has none of these phrases."""
