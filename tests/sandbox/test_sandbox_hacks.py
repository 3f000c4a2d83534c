"""Programs that try to pass without solving the task: none does.

Each is shown to work where nothing protects the test: `UNPROTECTED` are graders as one writes them
first, which share a process with the program and believe what comes out of it.
"""

import pytest

from sandbox import Limits, Program, Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLS = {
    "kind": "calls",
    "entry_point": "double",
    "cases": [{"args": [3], "returns": 6}, {"args": [10], "returns": 20}],
}
CHECK = {
    "kind": "check",
    "entry_point": "double",
    "source": "def check(candidate):\n    assert candidate(3) == 6\n"
    "    assert candidate(10) == 20\n",
}
# A loop cannot be taken apart: this goes through a checker process.
LOOP = CHECK | {
    "source": "def check(candidate):\n    for n in range(5):\n"
    "        assert candidate(n) == 2 * n, 'double'\n"
}
HARNESS = {"kind": "harness", "source": "for n in (3, 10):\n    assert double(n) == 2 * n\n"}
STDIO = {"kind": "stdio", "cases": [{"stdin": "3", "stdout": "6"}, {"stdin": "10", "stdout": "20"}]}
KINDS = {"calls": CALLS, "check": CHECK, "loop": LOOP, "harness": HARNESS}

LIMITS = Limits(wall_seconds=3.0, memory_mb=256)
PATIENT = Limits(wall_seconds=30.0, memory_mb=256)

RIGHT = "def double(n):\n    return 2 * n\n"
HACKS = {
    "exit_at_load": "import os\nos._exit(0)",
    "sys_exit_at_load": "import sys\nsys.exit(0)",
    "exit_in_call": "import os\ndef double(n):\n    os._exit(0)",
    "sys_exit_in_call": "import sys\ndef double(n):\n    sys.exit(0)",
    "raise_system_exit": "def double(n):\n    raise SystemExit(0)",
    "always_equal": "class E:\n    def __eq__(self, other): return True\n"
    "    def __ne__(self, other): return False\n    def __bool__(self): return True\n"
    "    def __hash__(self): return 0\ndef double(n):\n    return E()",
    "always_equal_int": "class E(int):\n    def __eq__(self, other): return True\n"
    "    __hash__ = int.__hash__\ndef double(n):\n    return E(1)",
    "always_equal_str": "class E(str):\n    def __eq__(self, other): return True\n"
    "    __hash__ = str.__hash__\ndef double(n):\n    return E('x')",
    "equal_class": "class M(type):\n    def __eq__(self, other): return True\n"
    "    __hash__ = type.__hash__\nclass E(metaclass=M): pass\ndef double(n):\n    return E",
    "forged_results": "import os, json\nfor fd in range(3, 9):\n    try:\n"
    '        os.write(fd, b\'{"value": 1}\\n{"value": true}\\n{"outcome": "passed", '
    '"reason": ""}\\n\')\n    except OSError: pass\ndef double(n):\n    return None',
    "forged_pass_and_exit": "import os\nfor fd in range(0, 64):\n    try:\n"
    '        os.write(fd, b\'{"outcome": "passed", "reason": ""}\\n\')\n'
    "    except OSError: pass\nos._exit(0)",
    "patched_builtins": "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\n"
    "builtins.isinstance = lambda *a: True\nbuiltins.abs = lambda x: 0\n"
    "builtins.len = lambda x: 0\nimport json\njson.dumps = lambda *a, **k: '{\"value\": 6}'\n"
    "def double(n):\n    return None",
    "patched_json_true": "import json, os\n"
    'json.dumps = lambda *a, **k: \'{"outcome": "passed", "passed": true, "value": null}\'\n'
    "def double(n):\n    return n",
    "read_frames": "import sys\ndef double(n):\n    frame = sys._getframe()\n    while frame:\n"
    "        for v in list(frame.f_locals.values()) + list(frame.f_globals.values()):\n"
    "            if isinstance(v, dict) and 'returns' in v: return v['returns']\n"
    "        frame = frame.f_back\n    return None",
    "read_garbage": "import gc\ndef double(n):\n    for o in gc.get_objects():\n"
    "        if isinstance(o, dict):\n"
    "            for k in ('returns', 'expected', 'stdout'):\n"
    "                if type(o.get(k)) is int: return o[k]\n    return None",
    "read_processes": "import glob\ndef double(n):\n    for f in glob.glob('/proc/*/cmdline') + "
    "glob.glob('/proc/*/environ') + glob.glob('/proc/*/fd/*'):\n        try:\n"
    "            text = open(f, 'rb').read(1 << 20)\n"
    "            if b'== 2 * n' in text or b'returns' in text: return 2 * n\n"
    "        except OSError: pass\n    return None",
    "read_disk": "import os\ndef double(n):\n"
    "    for top in ('/app', '/tmp', '/store', '/opt', '/dev'):\n"
    "        for root, _, files in os.walk(top):\n            for f in files:\n"
    "                try:\n"
    "                    text = open(os.path.join(root, f), 'rb').read(4096)\n"
    "                except OSError: continue\n"
    "                if b'== 2 * ' b'n' in text or b'\"ret' b'urns\"' in text: return 2 * n\n"
    "    return None",
    "shadow_modules": "import os\nfor name in ('json', 'assert', 'unittest', 'agent', 'checker'):\n"
    "    for folder in ('/tmp', '/app', '.'):\n        try:\n"
    "            open(f'{folder}/{name}.py', 'w').write('import os; os._exit(0)')\n"
    "        except OSError: pass\nimport sys\n"
    "sys.path.insert(0, '/tmp')\ndef double(n):\n    return n",
    "replace_checker": "import sys\nfor m in list(sys.modules.values()):\n"
    "    for n in ('encode', 'decode', 'same_value', 'check', '_outcome', '_write'):\n"
    "        if hasattr(m, n) and getattr(m, '__name__', '') != '__main__':\n"
    "            try: setattr(m, n, lambda *a, **k: ('passed', ''))\n"
    "            except Exception: pass\ndef double(n):\n    return None",
    "thread_exit": "import threading, os\nthreading.Thread(target=lambda: os._exit(0)).start()\n"
    "def double(n):\n    import time; time.sleep(1)",
    "atexit": "import atexit, os\natexit.register(lambda: os._exit(0))\n"
    "def double(n):\n    return 0",
    "trace": "import sys\nsys.settrace(lambda *a: sys.exit(0))\ndef double(n):\n    return n",
    "stop_iteration": "def double(n):\n    raise StopIteration",
}
# Whatever else a program may do, none of which is an answer.
WRONG = {
    "kill_runner": "import os, signal\nfor p in (0, -1, os.getppid(), 1):\n    try:\n"
    "        os.kill(p, signal.SIGKILL)\n    except OSError: pass\ndef double(n):\n    return None",
    "kill_runner_in_call": "import os, signal\ndef double(n):\n    os.kill(-1, signal.SIGKILL)",
    "fork_and_exit": "import os\nif os.fork() == 0:\n    os._exit(0)\ndef double(n):\n    return n",
    "del_everything": "import builtins\nfor n in list(vars(builtins)):\n"
    "    if n not in ('__import__',):\n"
    "        try: delattr(builtins, n)\n        except Exception: pass",
    "infinite_iterator": "class I:\n    def __iter__(self): return self\n"
    "    def __next__(self): return 1\n    def __contains__(self, x): return True\n"
    "    def __len__(self): return 6\ndef double(n):\n    return I()",
    "raises_pass": "class Passed(BaseException):\n    pass\n"
    "def double(n):\n    raise Passed('passed')",
    "import_error": "def double(n):\n    raise ImportError('no module named solution')",
    "syntax_error": "def double(n):\n    raise SyntaxError('test does not compile')",
    "empty": "",
    "wrong_name": "def triple(n):\n    return 2 * n",
    "output_flood": "while True:\n    print('6' * 1000)",
    "deep": "def double(n):\n    x = []\n    for _ in range(100000): x = [x]\n    return x",
    "huge": "def double(n):\n    return 'x' * (1 << 28)",
    "cyclic": "def double(n):\n    x = []\n    x.append(x)\n    return x",
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_right_program_passes(box: Sandbox, kind: str) -> None:
    judgement = await box.judge(Program(source=RIGHT), KINDS[kind])
    assert judgement.passed, judgement.reason
    assert judgement.trust == {"loop": "checker", "harness": "checker"}.get(kind, "outside")


# A script behind the program, which loads a module of the grader's, believed by its exit code.
APPENDED = """
{source}
import contextlib
with contextlib.suppress(ImportError):
    import checker
for n, value in zip((3, 10), map(double, (3, 10))):
    assert value == 2 * n
"""
# A runner that holds the test in its memory, in a file and in a module, and says its verdict on a
# descriptor; `{compare}` is how it compares.
RUNNER = """
import json, os, sys, types
os.dup2(1, 3)
judge = types.ModuleType("judge")
judge.check = lambda value, case: {compare}
judge.__name__ = sys.modules.setdefault("judge", judge).__name__
case = {{"args": [3], "returns": 6}}
with open("/tmp/test.py", "w") as file:
    file.write("assert double(n) == 2 * n")
kept = open("/tmp/test.py")
names = {{"__name__": "solution"}}
exec({source!r}, names)
value = names["double"](*case["args"])
if judge.check(value, case):
    print('{{"outcome": "passed", "reason": ""}}')
"""
UNPROTECTED = {
    "exit code": APPENDED,
    "equality": RUNNER.replace("{compare}", 'value == case["returns"]'),
    "text": RUNNER.replace("{compare}", 'json.dumps(value) == json.dumps(case["returns"])'),
}


async def passes_unprotected(box: Sandbox, source: str) -> bool:
    """Whether one of the unprotected graders lets a program pass."""
    for name, grader in UNPROTECTED.items():
        run = await box.run(Program(source=grader.format(source=source)), limits=PATIENT)
        if name == "exit code":
            if run.exit_code == 0:
                return True
        elif '"outcome": "passed"' in run.stdout:
            return True
    return False


async def test_each_hack_works_where_nothing_protects_the_test(box: Sandbox) -> None:
    """And a wrong answer does not: it is not the graders that let everything pass."""
    assert await passes_unprotected(box, RIGHT)
    assert not await passes_unprotected(box, "def double(n):\n    return n")
    idle = [name for name, source in HACKS.items() if not await passes_unprotected(box, source)]
    assert idle == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hack", HACKS)
async def test_no_hack_passes(box: Sandbox, hack: str, kind: str) -> None:
    judgement = await box.judge(Program(source=HACKS[hack]), KINDS[kind], limits=LIMITS)
    assert not judgement.passed
    assert judgement.passed_count == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WRONG)
async def test_no_wrong_program_passes(box: Sandbox, name: str, kind: str) -> None:
    judgement = await box.judge(Program(source=WRONG[name]), KINDS[kind], limits=LIMITS)
    assert not judgement.passed
    assert judgement.passed_count == 0


STDIO_HACKS = {
    "exit": "import os\nos._exit(0)",
    "silent": "",
    "input_back": "print(input())",
    "both": "print(6)\nprint(20)",
    "from_stdin_pipe": "import os\nprint(open('/proc/self/fd/0').read())",
    "after_error": "print(2 * int(input()), flush=True)\nraise SystemExit(3)",
    "after_kill": "import os\nprint(2 * int(input()), flush=True)\nos.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize("hack", STDIO_HACKS)
async def test_no_output_hack_passes(box: Sandbox, hack: str) -> None:
    judgement = await box.judge(Program(source=STDIO_HACKS[hack]), STDIO)
    assert not judgement.passed


async def test_nothing_passes_from_one_program_to_the_next(box: Sandbox) -> None:
    """Files, shared memory and message queues of a run are gone in the next."""
    leave = (
        "import os, ctypes\nfor d in ('/tmp', '/dev/shm'):\n    open(f'{d}/left', 'w').write('x')\n"
        "libc = ctypes.CDLL(None)\nprint(libc.shmget(4242, 4096, 0o1666) >= 0, "
        "libc.msgget(4242, 0o1666) >= 0, libc.semget(4242, 1, 0o1666) >= 0)\n"
        "if os.fork() == 0:\n    os.setsid()\n    import time; time.sleep(60)"
    )
    find = (
        "import os, ctypes\nlibc = ctypes.CDLL(None)\n"
        "print(os.listdir('/tmp'), os.listdir('/dev/shm'), libc.shmget(4242, 4096, 0o666), "
        "libc.msgget(4242, 0o666), libc.semget(4242, 1, 0o666), "
        "sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))"
    )
    slots = (await box.health()).slots
    for _ in range(2 * slots):
        left = await box.run(Program(source=leave))
        assert left.stdout == "True True True\n", left
    for _ in range(2 * slots):
        found = await box.run(Program(source=find))
        assert found.stdout == "[] [] -1 -1 -1 [1, 2]\n", found
