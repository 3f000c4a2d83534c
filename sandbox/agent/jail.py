"""The walls around one run, put up by the process that will run in them.

Guarantees: whoever returns from `enter` is alone in fresh pid, mount, net, ipc, uts and user
namespaces, under a user id of its own, without capabilities and without a way to get any, behind
the filter of `seccomp.py`. Of the file system it sees the image
read-only, its own program at /app, and fresh bounded /tmp and /dev/shm. If one wall cannot be put
up, `enter` raises, and nothing is run.
"""

import os
import resource
import socket
from typing import Any, Final

from .kernel import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    drop_capabilities,
    load_seccomp,
    mount,
    pivot_root,
    prctl,
    umount,
    unshare,
)

INNER_ID: Final = 1000  # user and group id that a program sees
DEVICES: Final = ("null", "zero", "full", "random", "urandom")
NEVER: Final = ("proc", "sys", "dev", "tmp", "run", "store", "app", "home", "root", "mnt", "media")
STORE, APP = "/store", "/app"
OPEN_FILES: Final = 1024


def build_root() -> None:
    """Give this process a root for runs: the image read-only, bare devices, the store.

    Done once for each zygote; runs copy it. What a container's engine mounts besides (/sys,
    message queues, terminals, secrets) is not in it.
    """
    unshare(CLONE_NEWNS)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    root = "/tmp"
    mount("root", root, "tmpfs", MS_NOSUID, "size=1m,nr_inodes=1k,mode=755")
    for name in os.listdir("/"):
        if name in NEVER:
            continue
        source, target = f"/{name}", f"{root}/{name}"
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
        elif os.path.isdir(source):
            os.mkdir(target)
            _bind(source, target)
    for name in ("proc", "tmp", "app", "store", "dev"):
        os.mkdir(f"{root}/{name}", 0o755)
    mount(STORE, f"{root}{STORE}", None, MS_BIND)
    if _is_nested():  # a fresh proc may be mounted only where a whole one can be seen
        mount("/proc", f"{root}/proc", None, MS_BIND | MS_REC)
    _make_devices(f"{root}/dev")
    mount(None, root, None, MS_REMOUNT | MS_RDONLY | MS_NOSUID)
    pivot_root(root)


def _bind(source: str, target: str) -> None:
    mount(source, target, None, MS_BIND | MS_REC)
    mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _make_devices(folder: str) -> None:
    mount("dev", folder, "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,nr_inodes=32,mode=755")
    for name in DEVICES:
        os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        mount(f"/dev/{name}", f"{folder}/{name}", None, MS_BIND)
    os.symlink("/proc/self/fd", f"{folder}/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{folder}/{name}")
    os.mkdir(f"{folder}/shm")
    mount(None, folder, None, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC)


def _is_nested() -> bool:
    """Whether this user namespace is not the machine's first one."""
    with open("/proc/self/uid_map") as lines:
        return lines.read().split() != ["0", "0", "4294967295"]


def enter(config: dict[str, Any], bpf: bytes) -> None:
    """Put up the walls around this process, which must be the first of a fresh pid namespace.

    Args:
        config: `uid` outside (None: the only one there is), `app` in the store, `disk_mb` and
            `inodes`.
        bpf: The system-call filter.

    Raises:
        OSError: A wall cannot be put up.
    """
    os.setsid()
    unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET)
    socket.sethostname("sandbox")
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # its own memory is given up first; with the rights of now, for good
    room = f"size={config['disk_mb']}m,nr_inodes={config['inodes']},mode=1777"
    mount("tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, room)
    mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, room)
    if config["app"] is not None:
        mount(f"{STORE}/{config['app']}", APP, None, MS_BIND)
        mount(None, APP, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV)
    umount(STORE)
    os.chdir("/tmp")
    os.umask(0o022)
    _become(config["uid"])
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    drop_capabilities()
    load_seccomp(bpf)


def limit(limits: dict[str, int]) -> None:
    """Cap this process; the first process of a namespace stays without, or it could be killed."""
    for kind, most in limits.items():
        # The soft limit of CPU time sends a signal that tells why, a second before one that kills.
        hard = most + 1 if kind == "RLIMIT_CPU" else most
        resource.setrlimit(getattr(resource, kind), (most, hard))


def _become(uid: int | None) -> None:
    """Take `uid`, and see it as INNER_ID in a user namespace of one's own."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        prctl(PR_SET_DUMPABLE, 1)  # or /proc/self belongs to somebody else
    outside = os.geteuid()
    group = os.getegid()
    unshare(CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{INNER_ID} {outside} 1"),
        ("gid_map", f"{INNER_ID} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
