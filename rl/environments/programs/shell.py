"""A command in a working directory: its files in, the command run, what it wrote and the files out.

It runs in the sandbox alone.
"""

import base64
import io
import json
import os
import subprocess
import sys
import tarfile

FOLDER = "/tmp/work"
LEFT = "/tmp/left"
RUN = f'trap \'pwd > {LEFT}\' EXIT\ncd "$1" 2>/dev/null || cd {FOLDER}\neval "$2"\n'


def unpack(state: str, files: dict[str, str]) -> None:
    os.makedirs(FOLDER, exist_ok=True)
    if state:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(state)), mode="r:gz") as packed:
            packed.extractall(FOLDER)
    for path, text in files.items():
        place = os.path.join(FOLDER, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.islink(place):
            os.unlink(place)
        with open(place, "w") as file:
            file.write(text)


def pack() -> str:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as packed:
        packed.add(FOLDER, arcname=".")
    return base64.b64encode(made.getvalue()).decode()


def command(text: str, place: str, most: int) -> tuple[int, int]:
    """The exit code, and how many bytes are left out behind the first `most`, which are shown."""
    process = subprocess.Popen(
        ["sh", "-c", RUN, "sh", place, text],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    left_out = 0
    while chunk := os.read(process.stdout.fileno(), 1 << 16):
        sys.stdout.buffer.write(chunk[:most])
        left_out += max(0, len(chunk) - most)
        most -= min(most, len(chunk))
    sys.stdout.buffer.flush()
    return process.wait(), left_out


def main() -> None:
    asked = json.load(sys.stdin)
    before = json.loads(asked["state"] or '{"files": "", "place": ""}')
    unpack(before["files"], asked["files"])
    start = (asked["keep"] and before["place"]) or FOLDER
    code, left_out = command(asked["command"], start, asked["output_bytes"])
    place = ""
    if os.path.exists(LEFT):
        with open(LEFT, errors="replace") as file:
            place = file.read().strip()
    packed = pack() if asked["keep"] else ""
    is_large = len(packed) > asked["state_bytes"]
    state = asked["state"] if is_large else json.dumps({"files": packed, "place": place})
    told = {"state": state, "code": code, "is_large": is_large, "left_out": left_out}
    sys.stdout.write(asked["mark"] + json.dumps(told))
    sys.stdout.flush()


main()
