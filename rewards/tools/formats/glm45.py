"""`<tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value></tool_call>`: GLM 4.5 to 4.7, Ling 3.

Hunyuan's V3 and V4 have `<tool_calls>` around it, `<tool_sep>` after the name, and a suffix in each
tag (`<tool_call:6124c78e>`). A value is text; what it stands for is said by the tool's declaration.
"""

import re
from typing import Final

from rewards.tools.formats.elements import Tags, parameters
from rewards.tools.formats.found import Found, Offered
from rewards.tools.strict_json import MalformedError
from rewards.tools.written import written_call

_S: Final = r"(?::\w{1,32})?"
_OPEN: Final = re.compile(
    rf"<tool_call{_S}>\s{{0,64}}([^\s<>{{}}\[\]]{{1,256}})\s{{0,64}}(?:<tool_sep{_S}>)?"
)
_TAGS: Final = Tags.of(
    rf"<arg_key{_S}>(?P<name>[^<>\n]{{1,256}})</arg_key{_S}>\s{{0,64}}<arg_value{_S}>",
    rf"</arg_value{_S}>",
    rf"</tool_call{_S}>",
)
_WRAPPING: Final = re.compile(rf"</?tool_calls{_S}>")
_START: Final = re.compile(rf"<tool_call{_S}>")


def parse(text: str, offered: Offered) -> Found:
    """Read every call.

    Raises:
        MalformedError: One is broken or not closed.
    """
    found = Found()
    position = 0
    while (start := _START.search(text, position)) is not None:
        found.outside(_WRAPPING.sub("", text[position : start.start()]))
        opening = _OPEN.match(text, start.start())
        if opening is None:
            raise MalformedError(f"call {len(found.calls) + 1} has no name")
        name = opening[1]
        written, position = parameters(text, opening.end(), name, _TAGS)
        texts = {key: one.text for key, one in written.items()}
        found.calls.append(written_call(name, texts, offered.get(name)))
    found.outside(_WRAPPING.sub("", text[position:]))
    return found
