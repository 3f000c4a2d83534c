"""Programs that take too much: each ends within its limit, and leaves the next run as it was."""

import pytest

from sandbox import Limits, Program, RunResult, Sandbox, Status

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = Limits(
    wall_seconds=0.6, memory_mb=128, processes=32, output_kb=256, disk_mb=8, cpu_seconds=1.0
)
PATIENT = LIMITS.model_copy(update={"wall_seconds": 30.0, "cpu_seconds": 10.0})
"""For what must not end by its time, also on a machine that stands still for a while."""
SLACK = 40.0
"""Seconds that a run may take beyond its limit on such a machine; 60 would be too many."""
BOMBS = {
    "output_flood": ("while True:\n    print('x' * 65536)", {Status.OUTPUT_LIMIT}),
    "error_flood": (
        "import sys\nwhile True:\n    sys.stderr.write('x' * 65536)",
        {Status.OUTPUT_LIMIT, Status.TIME_LIMIT},
    ),
    "memory_bomb": (
        "x = []\nwhile True:\n    x.append(bytearray(1 << 20))",
        {Status.MEMORY_LIMIT, Status.RUNTIME_ERROR},
    ),
    "memory_bomb_in_children": (
        "import os\nfor _ in range(8):\n    if os.fork() == 0:\n        x = bytearray(1 << 26)\n"
        "        import time; time.sleep(30)\nos.wait()",
        {Status.MEMORY_LIMIT, Status.TIME_LIMIT, Status.PASSED, Status.RUNTIME_ERROR},
    ),
    "fork_bomb": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        {Status.TIME_LIMIT, Status.MEMORY_LIMIT, Status.RUNTIME_ERROR},
    ),
    "thread_bomb": (
        "import threading, time\nwhile True:\n    try:\n"
        "        threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    except RuntimeError:\n        pass",
        {Status.TIME_LIMIT, Status.MEMORY_LIMIT},
    ),
    "disk_filler": (
        "i = 0\nwhile True:\n    i += 1\n    try:\n"
        "        open(f'/tmp/{i % 8}', 'ab').write(b'x' * (1 << 20))\n"
        "    except OSError:\n        pass",
        {Status.TIME_LIMIT},
    ),
    "inode_filler": (
        "i = 0\nwhile True:\n    i += 1\n    try:\n        open(f'/tmp/{i}', 'w').close()\n"
        "    except OSError:\n        pass",
        {Status.TIME_LIMIT},
    ),
    "shared_memory_filler": (
        "i = 0\nwhile True:\n    i += 1\n    try:\n"
        "        open(f'/dev/shm/{i % 8}', 'ab').write(b'x' * (1 << 20))\n"
        "    except OSError:\n        pass",
        {Status.TIME_LIMIT},
    ),
    "sleeper": ("import time\ntime.sleep(60)", {Status.TIME_LIMIT}),
    "spinner": ("while True: pass", {Status.TIME_LIMIT}),
    "deaf_spinner": (
        "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass",
        {Status.TIME_LIMIT},
    ),
    "waiting_for_input": (
        "import sys, time\nsys.stdin.read()\nwhile True: time.sleep(1)",
        {Status.TIME_LIMIT},
    ),
    "stopped": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", {Status.TIME_LIMIT}),
    "pipe_holder": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n"
        "print('parent done')",
        {Status.PASSED},
    ),
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        for fd in range(3): os.close(fd)\n        time.sleep(60)\n    os._exit(0)\n",
        {Status.PASSED},
    ),
    "segfault": ("import ctypes\nctypes.string_at(0)", {Status.RUNTIME_ERROR}),
    "deep_recursion": (
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): return f() + 1\nf()",
        {Status.RUNTIME_ERROR, Status.MEMORY_LIMIT, Status.TIME_LIMIT},
    ),
}


async def run_within(box: Sandbox, source: str, limits: Limits) -> RunResult:
    """A run that ends in time, but for what others had of the CPU meanwhile."""
    result = await box.run(Program(source=source), limits=limits)
    assert result.wall_seconds < SLACK, result
    return result


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_ends_in_time_and_leaves_nothing(box: Sandbox, name: str) -> None:
    source, expected = BOMBS[name]
    limits = LIMITS if Status.TIME_LIMIT in expected else PATIENT
    result = await run_within(box, source, limits)
    assert result.status in expected, result
    for _ in range(2):
        after = await run_within(
            box,
            "import os\nprint(len([p for p in os.listdir('/proc') if p.isdigit()]), "
            "len(os.listdir('/tmp')), len(os.listdir('/dev/shm')))",
            PATIENT,
        )
        assert after.stdout == "2 0 0\n", after


async def test_limits_are_what_the_request_says(box: Sandbox) -> None:
    half = Program(source="x = bytearray(200 << 20)\nprint(len(x))")
    assert (await box.run(half, limits=Limits(memory_mb=400))).status is Status.PASSED
    assert (await box.run(half, limits=Limits(memory_mb=100))).status is not Status.PASSED
    slow = Program(source="import time\ntime.sleep(0.5)")
    assert (await box.run(slow, limits=Limits(wall_seconds=30))).status is Status.PASSED
    slower = Program(source="import time\ntime.sleep(60)")
    assert (await box.run(slower, limits=Limits(wall_seconds=0.2))).status is Status.TIME_LIMIT
    loud = Program(source="print('x' * 100_000)")
    assert (await box.run(loud, limits=Limits(output_kb=200))).status is Status.PASSED
    assert (await box.run(loud, limits=Limits(output_kb=50))).status is Status.OUTPUT_LIMIT
    big = Program(source="open('/tmp/x', 'wb').write(bytes(4 << 20))")
    assert (await box.run(big, limits=Limits(disk_mb=16))).status is Status.PASSED
    assert (await box.run(big, limits=Limits(disk_mb=1))).status is Status.RUNTIME_ERROR


# A filter that any process may give itself, once it can get no new rights.
ALLOW_ALL = """import ctypes, struct
libc = ctypes.CDLL(None)
line = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
class Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_void_p))
allow = Filter(1, ctypes.addressof(line))
"""
FORBIDDEN = {
    "network": "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)",
    "name_lookup": "import socket\nsocket.getaddrinfo('example.org', 80)",
    "raw_socket": "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "netlink": "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "write_root": "open('/x', 'w')",
    "write_program": "open('/app/main.py', 'w')",
    "write_usr": "open('/usr/x', 'w')",
    "write_device": "open('/dev/x', 'w')",
    "set_uid": "import os\nos.setuid(0)",
    "chroot": "import os\nos.chroot('/tmp')",
    "mount": "import ctypes\nassert ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, None) == 0",
    "user_namespace": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "ptrace": "import ctypes\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0",
    "keyring": "import ctypes\nassert ctypes.CDLL(None).syscall(250, 0, -3, 1) >= 0",
    "bpf": "import ctypes\nassert ctypes.CDLL(None).syscall(321, 5, 0, 0) >= 0",
    "io_uring": "import ctypes\nassert ctypes.CDLL(None).syscall(425, 1, 0) >= 0",
    "init_memory": "open('/proc/1/mem', 'rb').read(1)",
    "set_time": "import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)",
    "host_files": "open('/etc/shadow').read()",
    "sys": "import os\nassert os.listdir('/sys')",
    "make_device": "import os\nos.mknod('/tmp/d', 0o20666, os.makedev(1, 1))\n"
    "open('/tmp/d', 'rb').read(1)",
    "raise_limit": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (-1, -1))",
    "lower_oom_score": "open('/proc/self/oom_score_adj', 'wb', 0).write(b'-500')",
    "cgroup": "import os\nassert os.listdir('/sys/fs/cgroup')",
    "filter_by_prctl": f"{ALLOW_ALL}assert libc.prctl(22, 2, ctypes.byref(allow), 0, 0) == 0",
    "filter_by_seccomp": f"{ALLOW_ALL}assert libc.syscall(317, 1, 0, ctypes.byref(allow)) == 0",
    "dispatch": f"{ALLOW_ALL}assert libc.prctl(59, 0, 0, 0, 0) == 0",
}


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_what_a_program_may_not_do(box: Sandbox, name: str) -> None:
    result = await box.run(Program(source=FORBIDDEN[name]))
    assert result.status is Status.RUNTIME_ERROR, result
    assert "rror" in result.stderr.splitlines()[-1]


ALLOWED = {
    "threads": "import threading\nt = threading.Thread(target=print, args=(1,))\n"
    "t.start()\nt.join()",
    "processes": "import multiprocessing as m\nif __name__ == '__main__':\n"
    "    with m.Pool(2) as p: print(sum(p.map(abs, [-1])))",
    "child": "import subprocess, sys\nprint(subprocess.check_output([sys.executable, '-c', "
    "'print(1)'], text=True), end='')",
    "files": "open('/tmp/a', 'w').write('1')\nprint(open('/tmp/a').read())",
    "unix_socket": "import socket\na, b = socket.socketpair()\n"
    "a.send(b'1')\nprint(b.recv(1).decode())",
    "temporary": "import tempfile\nwith tempfile.TemporaryFile() as f: print(f.write(b'1'))",
    "exit_code_zero": "print(1)\nexit()",
    "abort_is_named": "print(1)",
    "stdin_lines": "import sys\nprint(len(sys.stdin.readlines()) + 1)",
    "late_print": "import atexit\natexit.register(print, 1)",
    "name": "print(int(__name__ == '__main__'))",
    "deep": "import sys\nsys.setrecursionlimit(200000)\ndef f(n): return n if n < 2 else f(n - 1)\n"
    "print(f(100000))",
    "signal": "import signal, os\nsignal.signal(signal.SIGTERM, lambda *a: print(1))\n"
    "os.kill(os.getpid(), signal.SIGTERM)",
}


@pytest.mark.parametrize("name", ALLOWED)
async def test_what_an_ordinary_program_does_works(box: Sandbox, name: str) -> None:
    result = await box.run(Program(source=ALLOWED[name]))
    assert (result.status, result.stdout) == (Status.PASSED, "1\n"), result
