"""A test with a C or C++ program, built in two steps that see one of them each.

Guarantees: the test's source is nowhere while the program is compiled or run. The nonce that proves
its end is in nothing that is built, and is read before the program's code runs. What is refused,
and when test and program are units of their own, stands in the steps, `agent/drivers/native_*.py`.
"""

import re
from dataclasses import replace
from typing import Final

from sandbox.brackets import require_closed
from sandbox.drivers.files import command, driver
from sandbox.errors import TestsError
from sandbox.execution import Build
from sandbox.languages import C_FLAGS, CPP_FLAGS, HEADERS, LANGUAGES

FLAGS: Final = {"c": C_FLAGS, "cpp": f"{CPP_FLAGS} -I{HEADERS}"}
MOST_WORDS: Final = 2000  # of a test, that the program's functions are looked up by
STEP: Final = (  # the folder /app is the scripts' package
    "exec python3 -s -B -c "
    "'import sys; sys.path.append(\"/\"); from app.{step} import main; main()' {language} {flags}"
)
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
# A test may begin by closing the function that the program ends in.
_CLOSING: Final = re.compile(r"(?:\s|//[^\n]*\n|/\*.*?\*/)*((?:\}\s*)+;?)", re.DOTALL)
# A whole test, without comments and directives.
_IDLE: Final = re.compile(
    r"(?:using namespace std; )?(?:[\w ]+ )?main ?\([^(){}]*\) ?"
    r"\{ ?(?:return (?:0|EXIT_SUCCESS) ?; ?)?\}[ ;}]*"
)


def harness(language: str, source: str, test: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that ends well once the test is over."""
    closing = _CLOSING.match(test)
    if closing is not None:
        source = f"{source}\n{closing[1]}"
        # Blanks keep the numbers of the test's lines.
        test = re.sub(r"[^\n]", " ", closing[0]) + test[closing.end() :]
    words = sorted(set(re.findall(r"[A-Za-z_]\w*", test)))[:MOST_WORDS]
    program = _step(
        language,
        "program",
        {
            f"program.{language}": source,
            "words": "\n".join(words),
            "prelude.h": driver("prelude.h"),
        },
    )
    files = {f"test.{language}": test}
    files |= {name: driver(name) for name in ("native_start.c", "assert.h", "prelude.h")}
    return _step(language, "test", files, program), command(language)


def require_whole(test: str) -> None:
    """Check, by the test alone, that there is something to run, and that it does not break off.

    Raises:
        TestsError: The test has no function `main` or one that does nothing, or its brackets do
            not match.
    """
    if not re.search(r"\bmain\s*\(", _COMMENT.sub(" ", test)):
        raise TestsError("the test has no function main, so that nothing of it would run")
    closing = _CLOSING.match(test)
    start = closing.end() if closing else 0
    code = re.sub(r"^[ \t]*#.*", "", _COMMENT.sub(" ", test[start:]), flags=re.MULTILINE)
    if _IDLE.fullmatch(" ".join(code.split())):
        raise TestsError("the test has nothing but a function main that does nothing")
    require_closed(test, start)


def _step(language: str, step: str, files: dict[str, str], *parts: Build) -> Build:
    scripts = [f"native_{name}.py" for name in ("tools", "text", "object", "library", step)]
    spec = replace(
        LANGUAGES[language],
        build=STEP.format(step=f"native_{step}", language=language, flags=FLAGS[language]),
        output="program.json" if step == "program" else LANGUAGES[language].output,
    )
    return Build(files | {name: driver(name) for name in scripts}, spec, parts)
