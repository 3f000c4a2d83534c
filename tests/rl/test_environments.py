"""The environments that come along: a calculator, Python and a shell in the sandbox."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from data.schema import Prompt
from rl.config import EnvConfig
from rl.config_file import load_config
from rl.environments.calculator import Calculator
from rl.environments.python import Python
from rl.environments.shell import Shell
from rl.episodes import environment
from rl.episodes.environment import READY, load_environment
from rl.errors import ConfigError
from sandbox import BoxSettings, Sandbox
from sandbox.backends import choose
from sandbox.errors import SandboxError

SMALL = BoxSettings(slots=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[None]:
    """A sandbox, as `start` would open it."""
    try:
        await choose("bubblewrap", SMALL)
    except SandboxError as error:
        pytest.skip(str(error))
    async with Sandbox.open("bubblewrap", settings=SMALL) as opened:
        Python.box = Shell.box = opened
        yield
        Python.box = Shell.box = None


def row(reference: Any = None, **metadata: Any) -> Prompt:
    return Prompt("p", ({"role": "user", "content": "q"},), reference, metadata=metadata)


def test_the_environment_of_the_page_is_one(tmp_path: Path) -> None:
    """The first block of the page, in a file of its own; the old name of the setting loads it."""
    page = Path(environment.__file__).parents[1] / "environments" / "README.md"
    block = page.read_text("utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "calculator.py").write_text(block)
    spec = f"{tmp_path}/calculator.py:Calculator"
    for key in ("env", "env.spec", "episode.environment"):
        config = load_config(None, [f"{key}={spec}"])
        made: Any = load_environment(config.env, config.episode)
        assert [tool["function"]["name"] for tool in made.tools] == ["calc"]
    one = made.kind()
    one.reset(row())
    assert one.calc("12*34") == "408"
    assert one.metrics() == {"calculations": 1}


NEEDED: dict[str, dict[str, Any]] = {
    "bfcl": {"classes": "."},
    "mcp": {"command": ["server"]},
    "search": {"corpus": "corpus"},
    "twenty_questions": {"judge": {"url": "http://127.0.0.1:9/v1"}},
}
"""Options without which there is none."""


@pytest.mark.parametrize("name", READY)
def test_what_comes_along_offers_its_tools_and_nothing_else(name: str) -> None:
    made: Any = load_environment(EnvConfig(spec=name, options=NEEDED.get(name, {})))
    tools = {
        "calculator": ["calc"], "python": ["python"], "search": ["search", "open"],
        "shell": ["shell"],
    }  # fmt: skip
    assert [tool["function"]["name"] for tool in made.tools] == tools.get(name, [])
    assert made.takes_rows is (name in ("bfcl", "mcp", "toolgraph"))


@pytest.mark.parametrize(
    ("x", "result"),
    [("12*34", "408"), (" 3 - 5 ", "-2"), ("-3+5", "2"), (f"{'9' * 30}+1", f"1{'0' * 30}")],
)
def test_the_calculator_does_one_operation(x: str, result: str) -> None:
    one = Calculator()
    one.reset(row())
    assert one.calc(x) == result
    assert one.metrics() == {"calculations": 1}


@pytest.mark.parametrize("x", ["1+2+3", "", "2**9", "1/2", "__import__('os')", "9" * 31 + "+1"])
def test_the_calculator_does_nothing_else(x: str) -> None:
    with pytest.raises(ValueError, match="write one operation, such as"):
        Calculator().calc(x)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_python_call_stands_alone(box: None) -> None:
    one = Python()
    assert await one.python("x = 6 * 7\nprint(x)") == "42"
    assert "NameError: name 'x' is not defined" in await one.python("print(x)")
    assert await one.python("pass") == "[no output]"
    assert one.metrics() == {"runs": 3, "runs_failed": 1}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_keeps_its_state(box: None) -> None:
    one, other = Python(session=True), Python(session=True)
    await one.python(
        "import math, json\n"
        "class P:\n    def __init__(self, x): self.x = x\n"
        "def double(y=3):\n    return 2 * y + base\n"
        "half = lambda z: z / 2\n"
        "base = 1\nshared = [1]\nboth = {'a': shared}\np = P(5)\ngen = (i for i in 'ab')"
    )
    said = await one.python("shared.append(2)\n[double(), half(3), p.x, both, math.pi > 3]")
    assert said == "[7, 1.5, 5, {'a': [1, 2]}, True]"
    assert "NameError" in await one.python("gen")
    assert "NameError" in await other.python("base")
    assert await one.python("base += 1\n1/0") == "line 2: ZeroDivisionError: division by zero"
    assert await one.python("base") == "2"
    assert one.metrics()["runs_failed"] == 2


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_says_what_it_does_not_keep(box: None) -> None:
    one = Python(session=True, state_kb=64)
    said = await one.python("import io\ngen = (i for i in 'ab')\nbig = bytes(100_000)\nsmall = 1")
    assert said == "[not kept for the next call: gen, big]"
    assert await one.python("small") == "1"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_goes_on_whatever_its_values_refer_to(box: None) -> None:
    one = Python(session=True)
    said = await one.python(
        "from collections import namedtuple\nfrom typing import TypeVar\nimport math\n"
        "Point = namedtuple('Point', 'x y')\np = Point(1, 2)\nT = TypeVar('T')\nalias = math\n"
        "def twice(x):\n    return 2 * x\nother = twice\nscale = 3\n"
        "class Scaled:\n    by = scale\ns = Scaled()\n"
        "if True:\n    class Hidden: pass\n    def hidden(): pass\nh = Hidden()"
    )
    assert said == "[not kept for the next call: T, Hidden, hidden, h]"
    said = await one.python("[p.x, isinstance(p, Point), other(4), alias.pi > 3, s.by, Scaled.by]")
    assert said == "[1, True, 8, True, 3, 3]"
    await one.python("twice = 5\nclass Scaled: by = 4")
    assert await one.python("[twice, Scaled.by, p.y]") == "[5, 4, 2]"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_keeps_nothing_and_what_a_definition_has_changed(box: None) -> None:
    one = Python(session=True)
    assert await one.python("best = None") == "[no output]"
    assert await one.python("best is None") == "True"
    said = await one.python(
        "count = 0\ndef counted(f):\n    global count\n    count += 1\n    return f\n"
        "@counted\ndef g():\n    return 7"
    )
    assert said == "[no output]"
    assert await one.python("[count, g()]") == "[1, 7]"
    assert await one.python("a = b = lambda x: x") == "[not kept for the next call: b]"
    await one.python("a = 3")
    # A class that wants a value first, of a kind that is filled after it is made.
    await one.python("limit = 3\nclass Stack(list):\n    most = limit\ns = Stack([1])\nx = 1")
    assert await one.python("[s, s.most, x, a]") == "[[1], 3, 1, 3]"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_outlives_what_ends_a_run(box: None) -> None:
    one = Python(session=True)
    assert await one.python("x = 1") == "[no output]"
    for code in (
        "x = 2\nimport os\nos._exit(0)",
        "x = 2\nwhile True: pass",
        "x = 2\nprint('a' * 10_000_000)",
        "import os, signal\nx = 2\nos.kill(os.getpid(), signal.SIGKILL)",
    ):
        said = await one.python(code)
        assert "nothing of this run is kept]" in said
        assert len(said) < 5_000_000
        assert await one.python("x") == "1"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_shell_has_files_and_a_place(box: None) -> None:
    one = Shell()
    one.reset(row(files={"a/one.txt": "1\n2\n", "run.sh": "echo $1"}))
    assert await one.shell("wc -l < a/one.txt; sh run.sh hi") == "2\nhi"
    assert await one.shell("cd a && echo 3 >> one.txt && mkdir b && cd b") == "[no output]"
    assert await one.shell("cat ../one.txt; pwd") == "1\n2\n3\n/tmp/work/a/b"
    assert await one.shell("ls nowhere; exit 5") != ""
    assert (await one.shell("exit 5")) == "[exit code 5]"
    assert "/etc/shadow: " in await one.shell("cat /etc/shadow")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_shell_is_bounded(box: None) -> None:
    one = Shell(state_kb=64, output_kb=16)
    one.reset(row(files={"x": "1"}))
    said = await one.shell("yes | head -c 3000000; false")
    assert len(said) <= (16 << 10) + 100
    assert said.endswith(f"y\n[{3_000_000 - (16 << 10):,} more bytes are left out]\n[exit code 1]")
    assert "64 KiB: nothing of this is kept]" in await one.shell("head -c 300000 /dev/urandom > y")
    assert "nothing of this run is kept]" in await one.shell("rm x; sleep 60")
    assert await one.shell("ls") == "x"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_shells_end_is_checked_out_of_the_policys_sight(box: None) -> None:
    tests = {"test.py": "from sums import add\nassert add(2, 3) == 5\n"}
    reference = {"check": ["python3 test.py", "test ! -e old"], "files": tests}
    one = Shell()
    one.reset(row(reference, files={"old": "", "sums.py": "def add(a, b): return a"}))
    assert await one.shell("ls") == "old\nsums.py"
    assert await one.reward([]) is False
    await one.shell("echo 'print(1)' > test.py; echo 'def add(a, b): return a + b' > sums.py; cd /")
    assert await one.reward([]) is False
    await one.shell("rm /tmp/work/old")
    assert await one.reward([]) is True
    assert "print(1)" in await one.shell("cat /tmp/work/test.py")
    free = Shell()
    free.reset(row("42"))
    assert await free.reward([]) is None


@pytest.mark.parametrize(
    ("reference", "files"),
    [
        (None, {"/etc/x": ""}), (None, {"a/../../x": ""}), (None, {"a": 1}), (None, ["a"]),
        ({"check": [1]}, {}), ({"check": "true", "files": {"../x": ""}}, {}),
    ],
)  # fmt: skip
def test_rows_that_are_no_shells_are_refused(reference: Any, files: Any) -> None:
    with pytest.raises(ConfigError, match="prompt 'p': "):
        Shell().reset(row(reference, files=files))


@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_program_says_of_itself_is_text_to_us(box: None) -> None:
    """A program may print what it likes as its state: it gets it back, and nothing else happens."""
    one = Python(session=True)
    forged = json.dumps({"state": "no state", "failed": False})
    code = (
        "import json, os, sys\nsys.stdin.seek(0)\n"
        f"sys.stdout.write(json.load(sys.stdin)['mark'] + {forged!r})\n"
        "sys.stdout.flush()\nos._exit(0)"
    )
    await one.python(code)
    assert "nothing of this run is kept]" in await one.python("1")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sesion": True}, "sesion"),
        ({"seconds": -1.0}, "seconds"),
        ({"memory_mb": "much"}, "memory"),
    ],
)
@pytest.mark.parametrize("name", ["python", "shell"])
def test_wrong_options_are_known_before_anything_starts(
    name: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=f"env: '{name}' cannot be made with .*{told}"):
        load_environment(EnvConfig(spec=name, options=options))
