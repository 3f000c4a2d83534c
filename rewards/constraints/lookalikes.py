"""Letters of other alphabets that look like Latin ones.

Source: the confusables of Unicode Technical Standard 39, letters and digits of all scripts, without
those that NFKC turns into Latin letters by itself; and letters such as the Cyrillic `в` that pass
for Latin ones amid them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LOOKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".": "ꓸ",
        "A": "АΑᎪᴀꓮᗅꭺ𐊠𖽀ᗩ",
        "a": "аαɑⲁ",
        "B": "ВΒᏴʙꓐᏼᗷᛒꞴ𐊂𐊡𐌁",
        "b": "вβƄЬьᏏᑲᖯⲃ",
        "C": "СᏟᴄꓚᑕⲤ𐊢𐌂𐐕𐔜𑣩",
        "c": "сⲥꮯ𐐽",
        "D": "Ꭰᴅꓓᗞᗪꭰ",
        "d": "ԁδᏧᑯꓒ",
        "E": "ЕЁΕᎬᴇꓰⴹꭼ𐊆𑢦𑢮ᕮ",
        "e": "еёєεɛҽꬲⲉ",
        "F": "ҒᎨꜰꓝϜᖴꞘ𐊇𐊥𐔥𑢢𑣂",
        "f": "ғϝƒքẝꞙꬵ",
        "G": "ԌᏀɢꓖᏳᏻꮐ",
        "g": "ԍցԳɡƍᶃ",
        "H": "НҺΗᎻʜꓧᕼⲎꮋ𐋏ⲏ",
        "h": "нһհᏂ",
        "I": "Ї",
        "i": "іїιᎥıɪɩⲓ",
        "J": "ЈͿᎫᴊꓙᒍꞲꭻ",
        "j": "јϳ",
        "K": "КҚΚᏦᴋꓗᛕⲔ𐔘",
        "k": "кқκⲕ",
        "L": "ԼᏞʟꓡᒪⳐⳑꮮ𐐛𐑃𐔦𑢣𑢲𖼖",
        "M": "МΜᎷᴍꓟϺᗰᛖⲘ𐊰𐌑",
        "m": "мⲙ",
        "N": "ΝɴꓠⲚ𐔓",
        "n": "пηոռⲛᑎ",
        "O": "ОΟՕᴏꓳ",
        "o": "оοσօჿዐᴑⲞⲟⵔꬽ𐊒𐊫𐐄𐐬𐓂𐓪𐔖𑢵𑣈𑣗𑣠",
        "P": "РΡᏢᴘꓑᑭᴩⲢꮲ𐊕",
        "p": "рρⲣ",
        "Q": "Ԛⵕ",
        "q": "ԛզգᑫ",
        "R": "ᏒʀꓣƦᎡᖇᚱꭱꮢ𐒴𖼵",
        "r": "гᴦⲅꭇꭈꮁ",
        "S": "ЅՏᏚꜱꓢᏕ𐊖𐐠𖼺ᔕ",
        "s": "ѕƽꮪ𐑈𑣁",
        "T": "ТΤᎢᴛꓔⲦꭲ𐊗𐊱𐌕𑢼𖼊",
        "t": "тτⲧ",
        "U": "Սᴜꓴሀᑌ𐓎𑢸𖽂",
        "u": "иμυսʋꞟꭎꭒ𐓶𑣘",
        "V": "ѴᏙᴠꓦᐯⴸꛟ𐔝𑢠𖼈",
        "v": "ѵνꮩ𑣀",
        "W": "ԜᏔᴡꓪᎳ𑣦ᗯ",
        "w": "ѡԝшωɯաꮃ",
        "X": "ХҲΧꓫᚷⲬⵝꞳ𐊐𐊴𐌗𐔧",
        "x": "хҳχᕁᕽⲭ",
        "Y": "УҮΥᎩʏꓬᎽⲨ𐊲𑢤𖽃",
        "y": "уүγɣყᶌỿꭚ𑣜ⲩ",
        "Z": "ΖᏃᴢꓜ𑢩𑣥ᘔ",
        "z": "зӡζꮓ𑣄ⲍ",
    }
)
"""What looks like each letter, in words of its own script too."""
BARS: Final = "ІΙӏꓲƖǀӀᛁⲒⵏꙇꭵ𐊊𐌉𑣃𖼨"
"""What looks like an `I` or an `l`."""
LOOKS_AMID: Final[Mapping[str, str]] = MappingProxyType(
    {
        "o": (
            "\u05e1\u0647\u0665\u06be\u06c1\u06d5\u06f5\u07c0\u0966\u09e6\u0a66\u0ae6"
            "\u0b20\u0b66\u0be6\u0c66\u0ce6\u0d20\u0d66\u0e50\u0ed0\u101d\u1040\U000114d0"
        ),
        "V": "\u0667\u06f7",
        "v": "\u05d8\U00011706",
        "w": "\U0001170a\U0001170e\U0001170f",
    }
)
"""What looks like a letter only in a word that has Latin letters, and not in its own script."""
BARS_AMID: Final = "\u05d5\u05df\u0627\u0661\u06f1\u07ca"
"""Likewise what looks like an `I` or an `l`."""
