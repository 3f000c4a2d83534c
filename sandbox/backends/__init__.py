"""How boxes are made: by Docker, or by bubblewrap.

A backend is anything with `open() -> Box`. `choose` takes the one that this machine has.
"""

from sandbox.backends.choice import Backend, BackendName, choose

__all__ = ["Backend", "BackendName", "choose"]
