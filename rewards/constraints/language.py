"""The language of a text, by langdetect.

Guarantees: the same text has the same language in every process; langdetect alone draws at random.
The cost is bounded, whatever the text. The profiles (some 0.5 s) are loaded at the first use.
"""

from functools import cache
from typing import Any, Final

SEED: Final = 0
LONGEST: Final = 50_000
"""Characters that are looked at. langdetect itself stops at 10,000, counted after it has taken away
URLs and mail addresses; this bounds that first pass."""

_CODES: Final = (
    "af ar bg bn ca cs cy da de el en es et fa fi fr gu he hi hr hu id it ja kn ko lt lv mk ml mr "
    "ne nl no pa pl pt ro ru sk sl so sq sv sw ta te th tl tr uk ur vi zh-cn zh-tw"
)
LANGUAGES: Final = frozenset(_CODES.split())
"""What langdetect can tell apart, as ISO 639-1 codes."""


def language_of(text: str) -> str | None:
    """The code of the language, "unknown", or None where the text has nothing to tell it by."""
    from langdetect.lang_detect_exception import LangDetectException  # type: ignore[import-untyped]

    detector = _factory().create()
    try:
        detector.append(text[:LONGEST])
        return str(detector.detect())
    except LangDetectException:
        return None


@cache
def _factory() -> Any:
    """langdetect's factory with a seed, apart from the one that others in the process share."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory  # type: ignore[import-untyped]

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(SEED)
    return factory
