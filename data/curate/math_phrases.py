r"""What questions say when they ask for a proof, an opinion, several things, or show a figure.

Guarantees: each list is looked for in two steps, a search for plain pieces of text and, where one
is there, a regular expression without nested repetition: nearly all questions pay for the first
alone. Texts are given in lower case.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of several languages.

    Attributes:
        pieces: each phrase contains one of these.
        ascii_pieces: those for a text in ASCII.
        pattern: what decides.
    """

    pieces: tuple[str, ...]
    ascii_pieces: tuple[str, ...]
    pattern: re.Pattern[str]

    def search(self, text: str) -> re.Match[str] | None:
        """The first phrase in a text in lower case."""
        for piece in self.ascii_pieces if text.isascii() else self.pieces:
            if piece in text:
                return self.pattern.search(text)
        return None


def _phrases(pieces: str, *patterns: str) -> Phrases:
    each = tuple(pieces.split("|"))
    return Phrases(each, tuple(filter(str.isascii, each)), re.compile("|".join(patterns)))


_BEGIN: Final = r"(?:^|[.?!:;,)$\n}\]]\s*|\d\s+|\b(?:to|and|then|please|must|should|also|us|we)\s+)"
"""Where an imperative may stand: `Prove that`, not `their records prove that`."""

PROOF: Final = _phrases(
    "prove|proof|show that|show, |show why|show how|demonstrate|verify that|establish that|докаж"
    "|доказ|покаж|证明|證明|求证|求證|试证|dimostr|provare|provate|si provi|mostrare|mostrate"
    "|si mostri|montre|démontre|prouve|demuestr|demostrar|pruebe|beweise|zeige",
    _BEGIN + r"(?:dis)?prove\b(?! (?:it |them )?(?:wrong|useful))",
    r"\b(?:give|write|provide|complete|find) (?:a|an|the|your) (?:\w+ )?proof\b",
    _BEGIN + r"(?:show|demonstrate|verify|establish)(?:,[^,.]{1,60},)? (?:that|why|how)\b",
    r"докаж(?:и|ите)\b|доказать\b|требуется доказать|покаж(?:и|ите),? что",
    r"(?<!已)(?<!已经)(?<!可以)(?<!不难)(?:证明(?!了)|證明(?!了))|求证|求證|试证",
    r"\bdimostr(?:a|are|ate|i|ino)\b(?! di )|\b(?:si provi|provare|provate|prova|mostrare|mostrate"
    r"|mostra|si mostri) che\b",
    r"\b(?:dé)?montre(?:r|z|ns)? que\b|\bprouve[rz]? que\b",
    r"\b(?:demuestr(?:a|e)|demostrar|pruebe) que\b|\bbeweise(?:n sie)?\b|\bzeige(?:n sie)?, dass\b",
)
"""Something is to be proved."""

VALUE: Final = _phrases(
    "?|？|find|determine|compute|calculate|evaluate|what|how m|solve|simplify|express|factor"
    "|найд|найти|вычисл|определи|сколько|чему|решите|решить|求|计算|計算|多少|几|为___|等于"
    "|trova|calcola|determina|quant|qual|risolv|trouve|calcule|déterminer|combien|quel"
    "|halla|encuentr|cuánt|cuál|berechne|bestimme|wie viele",
    r"[?？]",
    _BEGIN + r"(?:find|determine|compute|calculate|evaluate|solve|simplify|express|factor)\b",
    r"\b(?:what|how (?:many|much))\b",
    r"\b(?:найд(?:ите|и)|найти|вычисл(?:ите|ить)|определите|сколько|чему|решите|решить)\b",
    r"求(?![证證解]?明|证|證)|计算|計算|多少|几|等于",
    r"\b(?:trov(?:a|are|ate|i)|calcol(?:a|are|ate|i)|determin(?:a|are|ate|i)|quant[oiae]|qual[ei]?"
    r"|risolv\w+)\b",
    r"\b(?:trouve[rz]?|calcule[rz]?|détermine[rz]?|combien|quel(?:le)?s?)\b",
    r"\b(?:hall(?:a|ar|e)|encuentr[ae]|cuánt[oa]s?|cuál(?:es)?|berechne|bestimme|wie viele)\b",
)
"""A value is asked for."""

TALK: Final = _phrases(
    "explain|describe|discuss|justify|why|think|own words|draw|sketch|story|compare and|reflect on"
    "|investigate|design|объясн|опиши|обсуди|почему|нарису|начерти|придума"
    "|解释|解釋|说明理由|说说|讨论|画出|畫出|谈谈|为什么|設計|设计"
    "|spiega|descriv|discut|perché|disegna|giustifica|expliqu|décri|explica|erkläre|zeichne",
    _BEGIN + r"(?:explain|describe|discuss|justify|draw|sketch|investigate|design|reflect on)\b",
    r"\bwhy\b[^.?]*\?|\bwhat do you (?:think|notice)\b|\bin your own words\b"
    r"|\bcompare and contrast\b",
    _BEGIN
    + r"(?:write|make up|create|tell) (?:a|an|your own) (?:\w+ )?(?:story|essay|paragraph|poem)\b",
    r"\b(?:объясните|объясни|опишите|опиши|обсудите|нарисуйте|нарисуй|начертите|придумайте)\b"
    r"|\bпочему\b[^.?]*\?",
    r"解释|解釋|说明理由|说说|讨论|画出|畫出|谈谈|为什么|設計|设计",
    r"\b(?:spieg(?:a|are|ate)|descriv(?:i|ere|ete)|discut(?:i|ere|ete)|disegn(?:a|are|ate)"
    r"|giustific(?:a|are|ate))\b|\bperché\b[^.?]*\?",
    r"\bexpliqu(?:e|er|ez)\b|\bdécri(?:re|vez)\b|\bexplica\b|\berkläre\b|\bzeichne\b",
)
"""An explanation, an opinion or a drawing is asked for."""

MANY_RIGHT: Final = _phrases(
    "example|one possible|a possible|any one|any two|any three|one such|at least one pair|пример"
    "|举例|舉例|一个即可|一種即可|即可|写出一个|任意一个|un esempio|possibile",
    _BEGIN
    + r"(?:give|find|construct|provide|write|name|state) (?:\w+ )?(?:an?|one|two|three|some) "
    r"(?:\w+ )?examples?\b",
    r"\bwhat is (?:one|a) possible\b|\b(?:find|give|name|list|state|write)(?: down)? (?:one|any one"
    r"|any two|any three|any|a) (?:possible|such)\b",
    r"\b(?:find|give|name|list|state|write)(?: down)? any (?:one|two|three|solution"
    r"|pair|number|value)\b",
    r"\b(?:приведите|привести|придумайте|постройте) (?:какой-нибудь |хотя бы один |один )?пример",
    r"举例|舉例|[一二两]个即可|(?:写|填)(?:出)?一[个种組组](?:即可|就行|符合|满足|滿足)|任意一个即可",
    r"\b(?:fornire|dare|dai|fai|fare|trova|trovare|si dia) un esempio\b|\bun possibile valore\b",
)
"""Many answers are right, and the reference is one of them."""

WHICH: Final = _phrases(
    "following|below|下列|以下|下面|следующ|из перечисл|из предлож|seguent"
    "|suivant|siguiente|folgenden",
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

_PLACES: Final = r"(?:below|above|here|at (?:the )?right|(?:on|to) the (?:right|left))"
_SHOWN: Final = (
    r"\b(?:figures?|diagrams?|graphs?|charts?|tables?|grids?|maps?|pictures?|images?|plots?|drawings?"
    r"|number lines?|shapes?|spinners?|triangles?|squares?|circles?|arrays?|rectangles?)"
    rf" (?:\w+ )?(?:shown|pictured|depicted|illustrated|{_PLACES})\b"
    r"(?! (?:the|an?|[a-z]+'s|\d|\$|sea|it|him|her|them|by|to|that)\b)",
    rf"\b(?:as|is|are) (?:shown|pictured|illustrated|depicted)(?: (?:{_PLACES}|in (?:the|this)"
    r" (?:figure|diagram|picture|graph|table|chart))\b|[.,:]|$)",
    rf"\b(?:shown|pictured|illustrated|drawn|depicted) {_PLACES}\b",
    r"\b(?:figure|fig\.|diagram) ?\d",
    r"\b(?:on|in) the (?:(?:following|adjacent|adjoining|attached|accompanying|given) )"
    r"(?:figure|diagram|picture)",
    r"\bна (?:\w+ )?(?:рисунк|чертеж|схем|картинк|диаграмм)|\b(?:см\. )?рис\. ?\d|\bна рис\b"
    r"|\b(?:в|из) (?:\w+ )?таблиц[еы] (?:ниже|показан|привед)|\bграфик\w* (?:ниже|на рисунке)",
    r"[图圖](?:中|[1-9一二①②甲])|[下右左上][图圖](?![形像象])|见[图圖]|下表|如表",
    r"\bfigura (?:a (?:lato|destra|sinistra)|qui|seguente|sotto|accanto|riportata|mostrata)"
    r"|\bdisegn[oi] (?:a lato|qui|sotto|seguente|accanto|mostrato)"
    r"|\b(?:grafico|tabella) (?:qui|sotto|seguente|accanto|mostrat)",
)
_MENTIONED: Final = (
    r"\b(?:in|from|of|on|to|see|using|by|at) (?:the|this) (?:\w+ )?(?:figures?|diagrams?)\b"
    r"(?! (?:of|by|cut|itself|skat|out)\w*)",
    r"\b(?:in|from|see) the (?:picture|drawing|image|illustration)\b(?! of\b)",
    r"如(?:附)?[图圖]|[图圖](?:示|所示)",
    r"\b(?:in|nella|dalla|della|alla|vedi) figura\b|\bnel (?:disegno|diagramma)\b",
    r"\b(?:sur la|dans la|voir) figure\b|\b(?:en|de) la figura\b|\bin der abbildung\b",
)
_FIGURES: Final = (
    "figure|fig.|diagram|shown|pictured|picture|illustrat|depicted|drawing|drawn|image|chart|graph|table|grid"
    "|сунк|чертеж|чертёж|рис.|рис |диаграм|схем|картин|таблиц|график"
    "|图|圖|下表|如表|figura|disegn|grafico|tabella|abbildung|below|at right"
)
FIGURE: Final = _phrases(_FIGURES, *_SHOWN, *_MENTIONED)
"""A figure or a table is referred to."""

SHOWN: Final = _phrases(_FIGURES, *_SHOWN)
"""It is, in words that leave to it what is given: `as shown`."""

PICTURE: Final = re.compile(r"!\[[^\]]*\]\(|<img\b|\\includegraphics|<image>|\[image\]|\[img\]")
"""A picture stands where words cannot show it."""
