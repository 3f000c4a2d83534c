"""The system calls that Python has no function for."""

import ctypes
import errno
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

_CAPABILITY_VERSION_3 = 0x20080522
_LIBC = ctypes.CDLL(None, use_errno=True)
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


def _checked(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave namespaces; for CLONE_NEWPID, have the children do so."""
    _checked(_LIBC.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Join the namespace behind `fd`; for CLONE_NEWPID, have the children do so."""
    _checked(_LIBC.setns(fd, kind), "setns")


def mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    """mount(2)."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    result = _LIBC.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    _checked(result, f"mount {target}")


def umount(target: str) -> None:
    """Detach what is mounted at `target`."""
    _checked(_LIBC.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def pivot_root(folder: str) -> None:
    """Make the mount at `folder` the root, and forget the old one."""
    os.chdir(folder)
    number = _PIVOT_ROOT[os.uname().machine]
    _checked(_LIBC.syscall(number, b".", b"."), f"pivot_root {folder}")
    umount(".")
    os.chdir("/")


def prctl(option: int, value: int, argument: object = 0) -> None:
    """prctl(2)."""
    _checked(_LIBC.prctl(option, ctypes.c_ulong(value), argument, 0, 0), f"prctl {option}")


def drop_capabilities() -> None:
    """Give up every capability, for this process and what it executes."""
    for number in range(64):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno == errno.EINVAL:  # beyond the last one that this kernel knows
                break
            raise
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _checked(_LIBC.capset(ctypes.byref(header), ctypes.byref(none)), "capset")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def load_seccomp(program: bytes) -> None:
    """Install a classic BPF program as the filter of this process and its children."""
    loaded = _Program(len(program) // 8, program)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(loaded))
