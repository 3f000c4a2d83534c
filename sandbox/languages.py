"""The languages, one entry each: files, flags, how to build and how to run.

An entry says how a plain program is built and run. How its functions are called stands in
`drivers/`. Commands are looked up on the PATH of the box. A build command writes what is to be
kept to descriptor 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sandbox.types import Language, Limits

CPP_FLAGS: Final = "-O2 -std=gnu++20"
C_FLAGS: Final = "-O2 -std=gnu17"
HEADERS: Final = "/opt/plumb/include"  # holds the precompiled bits/stdc++.h
BUILD_LIMITS: Final = Limits(
    wall_seconds=30.0, memory_mb=1024, processes=32, output_kb=64, disk_mb=256
)
JAVA: Final = (
    "java",
    "-Xshare:auto",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Xss64m",
)


@dataclass(frozen=True, slots=True)
class LanguageSpec:
    """How programs of one language are built and run.

    Attributes:
        file: What the source is called in /app.
        output: What a build makes in /app; None: the source itself is run.
        build: Shell command that writes `output` to descriptor 3; None with an output: the warm
            Java compiler makes it.
        run: The command; None: the zygote's own Python runs it. `{heap}` is the memory limit less
            what a virtual machine needs for itself, MiB.
        version: The command that prints the version.
        extra_mb: Memory that the language's own runtime takes beside the program's, MiB.
        extra_processes: Threads of the runtime.
        stack_mb: The main thread's stack, MiB.
    """

    name: Language
    file: str
    run: tuple[str, ...] | None
    version: tuple[str, ...]
    output: str | None = None
    build: str | None = None
    extra_mb: int = 0
    extra_processes: int = 0
    stack_mb: int = 64


LANGUAGES: Final[Mapping[str, LanguageSpec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            LanguageSpec("python", "main.py", None, ("python3", "--version")),
            LanguageSpec(
                "c",
                "main.c",
                ("/app/main",),
                ("gcc", "--version"),
                output="main",
                build=f"gcc {C_FLAGS} -o /tmp/main /app/main.c -lm && exec cat /tmp/main >&3",
                stack_mb=256,
            ),
            LanguageSpec(
                "cpp",
                "main.cpp",
                ("/app/main",),
                ("g++", "--version"),
                output="main",
                build=f"g++ {CPP_FLAGS} -I{HEADERS} -o /tmp/main /app/main.cpp"
                " && exec cat /tmp/main >&3",
                stack_mb=256,
            ),
            LanguageSpec(
                "java",
                "Main.java",
                (*JAVA, "-Xmx{heap}m", "-jar", "/app/main.jar"),
                ("java", "-version"),
                output="main.jar",
                extra_mb=128,
                extra_processes=48,
            ),
            LanguageSpec(
                "javascript",
                "main.js",
                ("node", "--stack-size=50000", "--max-old-space-size={heap}", "/app/main.js"),
                ("node", "--version"),
                extra_mb=96,
                extra_processes=24,
            ),
        )
    }
)
