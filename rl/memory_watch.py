"""What is in use of GPUs that engines and learner have in turns, by phase of a step."""

from collections.abc import Callable, Sequence

GROWN = 1.05  # a line says so when a phase's most grows beyond this much of what was said
FULL = 0.97  # share of a GPU from which a line warns


class MemoryWatch:
    """Watches the fullest GPU; on a CPU host, the largest learner process.

    Args:
        say: told a line once all phases are known, when one grows, and when a GPU is nearly full.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._total = 0.0
        self._last: dict[str, float] = {}
        self._most: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._warned = False

    def note(self, phase: str, readings: Sequence[tuple[float, float]]) -> None:
        """GiB in use of each GPU, and that it has."""
        used, total = max(readings, key=lambda reading: reading[0] / reading[1])
        self._total = total
        self._last[phase] = used
        self._most[phase] = max(used, self._most.get(phase, 0.0))
        if used > FULL * total and not self._warned:
            self._warned = True
            self._say(
                f"{used:.1f} of a GPU's {total:.1f} GiB are in use ({phase}): lower "
                "rollout.gpu_memory, or learner.micro_batch_tokens where it is learning"
            )

    def tell(self) -> None:
        """Say what the most of each phase is, if that is news."""
        before = self._said
        if all(most <= GROWN * before.get(phase, 0.0) for phase, most in self._most.items()):
            return
        self._said = dict(self._most)
        phases = ", ".join(f"{phase} {most:.1f}" for phase, most in self._most.items())
        self._say(f"memory in use, GiB of {self._total:.1f}: {phases}")

    def row(self) -> dict[str, float]:
        """GiB in use in each phase of the last turn."""
        return {phase: round(used, 3) for phase, used in self._last.items()}
