"""Seeds of requests: functions of what is asked, and of nothing that timing decides."""

import hashlib


def seed_of(text: str) -> int:
    """A seed of 56 bits, so that neighbouring texts are far apart."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


def turn_seed(seed: int | None, turn: int) -> int | None:
    """The seed of a turn, from 0, of the episode that began with `seed`."""
    return seed if seed is None or turn == 0 else seed_of(f"{seed}/{turn}")
