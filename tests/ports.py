"""Ports for what a test starts later, or stops and starts again at the same address."""

import random
import socket

LOWEST, HIGHEST = 21_000, 31_999
"""Above those of Ray's workers, below those that Linux gives to connections."""


def free_port() -> int:
    """A port that nobody listens on, and that no connection of anybody is given meanwhile."""
    draw = random.SystemRandom()  # two processes of tests may have seeded the other one alike
    while True:
        port = draw.randint(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
