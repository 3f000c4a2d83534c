"""Run in a jail when a box starts: says what the walls look like from inside, as JSON."""

import ctypes
import json
import os


def status() -> dict[str, str]:
    with open("/proc/self/status") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def interfaces() -> list[str]:
    with open("/proc/self/net/dev") as lines:
        return [line.partition(":")[0].strip() for line in lines if ":" in line]


def refused(path: str) -> bool:
    try:
        with open(path, "w"):
            return False
    except OSError:
        return True


def can_unshare() -> bool:
    return int(ctypes.CDLL(None).unshare(0x10000000)) == 0


def main() -> None:
    own = status()
    print(
        json.dumps(
            {
                "uid": os.getuid(),
                "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
                "capabilities": int(own["CapEff"], 16) | int(own["CapBnd"], 16),
                "no_new_privileges": own["NoNewPrivs"].strip() == "1",
                "seccomp": own["Seccomp"].strip() == "2",
                "interfaces": interfaces(),
                "read_only": all(map(refused, ("/usr/x", "/etc/x", "/x", "/app/x", "/dev/x"))),
                "nested_namespaces": can_unshare(),
                "store": os.path.exists("/store/draft-0"),
            }
        )
    )


main()
