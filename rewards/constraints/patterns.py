"""Keywords of the data as regular expressions, which is what the public checkers take them for.

So the keyword "e.g." matches "eggs" too: verdicts on public rows depend on it. A keyword that is no
regular expression, such as ":(", stands for itself; the public checkers fail there.
"""

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def pattern(keyword: str, *, template: str = "{}", ignore_case: bool = True) -> re.Pattern[str]:
    """`keyword` within `template`, in any case or in its own."""
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    try:
        re.compile(keyword)  # by itself: a broken one must not be mended by the template
        return re.compile(template.replace("{}", keyword), flags)
    except (re.error, OverflowError, RecursionError):
        return re.compile(template.replace("{}", re.escape(keyword)), flags)


def occurrences(found: re.Pattern[str], text: str) -> int:
    """How often `found` matches in `text`, without overlap."""
    return sum(1 for _ in found.finditer(text))
