"""What a tested program may not ask of the kernel.

Guarantees: calls of a foreign architecture (x32 included) and calls newer than this table fail with
ENOSYS; the calls below fail with EPERM. The rest is open: the namespaces, the missing capabilities
and the limits bound it. `container_profile` is Docker's filter around the whole box, which lets its
supervisor mount and unshare.
"""

import errno
import os
import struct
from typing import Final

# name -> (number on x86-64, number on arm64); None where the architecture has no such call
_NAMESPACES: Final = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
}
_ALWAYS: Final = {
    # other processes' memory and registers
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # a filter of one's own can turn the end of a process into a signal, and go on after it
    "seccomp": (317, 277),
    # large or young parts of the kernel that no judged program needs
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "lookup_dcookie": (212, 18),
    "vmsplice": (278, 75),
    "landlock_create_ruleset": (444, 444),
    "memfd_secret": (447, 447),
    # keys are per user, not per namespace
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # the machine as a whole
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "_sysctl": (156, None),
    "nfsservctl": (180, 42),
}
_LAST_KNOWN: Final = 462  # mseal
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_CLONE3: Final = 435
_PRCTL: Final = {"x86_64": 157, "aarch64": 167}
_PR_SET_SECCOMP, _PR_SET_SYSCALL_USER_DISPATCH = 22, 59
_PRLIMIT: Final = {"x86_64": 302, "aarch64": 261}
_SOCKET: Final = {"x86_64": 41, "aarch64": 198}
_IOCTL: Final = {"x86_64": 16, "aarch64": 29}
_AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE_NEW_ANY: Final = 0x7E020000  # every CLONE_NEW* flag but CLONE_NEWTIME, which clone lacks
_FAMILIES: Final = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_SET, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000


def program_filter() -> bytes:
    """The filter of a tested program, as classic BPF for this machine.

    Raises:
        OSError: This architecture has no table here.
    """
    machine = os.uname().machine
    if machine not in _AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"there is no table of system calls for {machine}")
    column = 0 if machine == "x86_64" else 1
    unknown, forbidden = _ERROR | errno.ENOSYS, _ERROR | errno.EPERM
    code = [
        _load(_ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        _answer(unknown),
        _load(_NUMBER),
        (_JUMP_GREATER, 0, 1, _LAST_KNOWN),  # x32 calls have a high bit set
        _answer(unknown),
        # Arguments of clone3 lie in memory, out of reach: libraries then fall back to clone.
        (_JUMP_EQUAL, 0, 1, _CLONE3),
        _answer(unknown),
    ]
    for numbers in (_NAMESPACES | _ALWAYS).values():
        if (number := numbers[column]) is not None:
            code += [(_JUMP_EQUAL, 0, 1, number), _answer(forbidden)]
    code += [
        (_JUMP_EQUAL, 0, 4, _CLONE[machine]),
        _load(_FIRST),
        (_JUMP_SET, 0, 1, _CLONE_NEW_ANY),
        _answer(forbidden),
        _answer(_ALLOW),
        (_JUMP_EQUAL, 0, 3 + len(_FAMILIES), _SOCKET[machine]),
        _load(_FIRST),
        *((_JUMP_EQUAL, len(_FAMILIES) - i, 0, family) for i, family in enumerate(_FAMILIES)),
        _answer(forbidden),
        _answer(_ALLOW),
        # The limits of the run's first process are not the program's to lower.
        (_JUMP_EQUAL, 0, 4, _PRLIMIT[machine]),
        _load(_FIRST),
        (_JUMP_EQUAL, 1, 0, 0),
        _answer(forbidden),
        _answer(_ALLOW),
        (_JUMP_EQUAL, 0, 5, _PRCTL[machine]),
        _load(_FIRST),
        (_JUMP_EQUAL, 1, 0, _PR_SET_SECCOMP),
        (_JUMP_EQUAL, 0, 1, _PR_SET_SYSCALL_USER_DISPATCH),
        _answer(forbidden),
        _answer(_ALLOW),
        (_JUMP_EQUAL, 0, 4, _IOCTL[machine]),
        _load(_SECOND),
        (_JUMP_EQUAL, 1, 0, _TIOCSTI),
        (_JUMP_EQUAL, 0, 1, _TIOCLINUX),
        _answer(forbidden),
        _answer(_ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in code)


def container_profile() -> dict[str, object]:
    """Docker's seccomp profile of a box."""
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": sorted(_ALWAYS), "action": "SCMP_ACT_ERRNO"}],
    }


def _load(offset: int) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, offset)


def _answer(action: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, action)
