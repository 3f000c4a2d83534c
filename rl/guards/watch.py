"""The guards of a run: they look at every step, say what they find, and stop the run.

Guarantees: a stop comes between two steps, so that the last complete one can be saved; what was
found stands in the step's row under `guards`, whether it stops the run or not; a resumed run, and
one that has gone back to a checkpoint, compares with the steps that it has, and no others. A run
whose last step is made is told what is wrong, and ends as it would have.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rewards.grading.running import Pool
from rl.config import RunConfig
from rl.groups import Group
from rl.guards.measures import Evaluated, found_in, looked_at, lost_while_reward_rose
from rl.guards.probes import Drift, Probes
from rl.guards.table import Finding, GuardError, judged, worst
from rl.recorder import Recorder
from rl.rewarding import rubric

QUIET: Final = 20
"""Steps for which a warning is not said again."""


class Guards:
    """What watches a run.

    Args:
        config: the run's configuration.
        recorder: has the rows of the steps before, and takes what is found later.
        probes: the answers by which the judge is watched.
        pool: grades them.
        say: prints a line.
    """

    def __init__(
        self,
        config: RunConfig,
        recorder: Recorder,
        probes: Probes,
        pool: Pool,
        *,
        say: Callable[[str], None],
    ) -> None:
        self._config = config.guards
        self._last_step = config.train.steps
        self._recorder = recorder
        self._probes = probes
        self._pool = pool
        self._say = say
        self._rows: list[Mapping[str, Any]] = []
        self._evaluations: dict[str, list[Evaluated]] = {}
        for row in recorder.rows():
            self._remember(row)
        self._pending: list[Finding] = []
        self._said: dict[tuple[str, str], int] = {}
        self._looking: asyncio.Task[Drift | None] | None = None
        self._is_over = False
        self._looked_at = 0  # the step after which the judge is being looked at

    def ended(self, group: Group, ending: str) -> None:
        """A group has ended; its answers may be kept, to watch the judge by."""
        self._probes.ended(group, ending)

    def look(self, row: Mapping[str, Any], canary: Sequence[Finding]) -> dict[str, Any]:
        """Look at a training step; `tell` then says what was found.

        Args:
            row: its metrics.
            canary: what its weight update has found.

        Returns:
            For its row: what was found, by guard.
        """
        self._forget(row["step"])
        self._is_over = row["step"] >= self._last_step
        self._remember(row)
        found = [*canary, *found_in(self._rows, self._config)]
        self._pending += [one for one in found if one not in canary or one.level == "warn"]
        return _as_row(found)

    def evaluated(self, name: str, step: int, numbers: Mapping[str, Any]) -> None:
        """Look at an evaluation.

        Raises:
            GuardError: A threshold says so.
        """
        config = self._config.held_out
        if name not in config.sets or not self._add_evaluation(name, step, numbers):
            return
        rows = [row for row in self._rows if row["step"] <= step]
        lost = lost_while_reward_rose(rows, self._evaluations[name], config.evaluations)
        found = None if lost is None else judged("held_out", lost, config, step, subject=name)
        if found is not None:
            self._amend(step, [found])
            self._pending.append(found)
            self.tell()

    def begin(self, step: int) -> None:
        """Have the judge looked at beside what follows, if that is due after this step."""
        if self._looking is None and self._probes.is_due(step):
            self._looking = asyncio.create_task(self._probes.look(self._pool), name="judge guard")
            self._looked_at = step

    def tell(self) -> None:
        """Say what was found since this was last called.

        Raises:
            GuardError: A threshold says that the run has to stop.
        """
        if self._looking is not None and self._looking.done():
            self._judge_looked_at()
        found, self._pending = self._pending, []
        stops = [one for one in found if one.level == "stop" and not self._is_over]
        for one in found:
            if one not in stops[:1]:
                self._say_once(one)
        if stops:
            raise GuardError(stops[0])

    def let_end(self) -> None:
        """No step follows, as prompts have run out: nothing can be stopped any more."""
        self._is_over = True

    async def finish(self) -> None:
        """Wait for a look at the judge that goes on, and say what it finds."""
        if self._looking is not None:
            await asyncio.wait([self._looking])
        self.tell()

    async def aclose(self) -> None:
        """End what goes on."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    def _judge_looked_at(self) -> None:
        looking, self._looking = self._looking, None
        drift = looking.result() if looking is not None else None
        step = self._looked_at
        if drift is None:
            return
        found = judged("judge", drift.mean, self._config.judge, step, subject=drift.words)
        self._amend(step, [found] if found else [], judge_drift=drift.mean)
        if found is not None:
            self._pending.append(found)

    def _say_once(self, one: Finding) -> None:
        key = (one.guard, one.subject if one.guard != "judge" else "")
        said = self._said.get(key)
        if one.level == "stop" or said is None or not 0 <= one.step - said < QUIET:
            self._said[key] = one.step
            self._say(one.line)

    def _amend(self, step: int, found: Sequence[Finding], **values: Any) -> None:
        """Add to a row that was written before, if it is still there."""
        row = self._recorder.row(step)
        if row:
            guards = {**(row.get("guards") or {}), **_as_row(found)}
            self._recorder.amend(step, guards=guards, **values)

    def _remember(self, row: Mapping[str, Any]) -> None:
        if row["step"] > 0:
            self._rows.append(looked_at(row))
        for name, numbers in (row.get("evaluations") or {}).items():
            self._add_evaluation(name, row["step"], numbers)

    def _add_evaluation(self, name: str, step: int, numbers: Mapping[str, Any]) -> bool:
        """Whether it has measured something."""
        accuracy, interval = numbers.get("accuracy"), numbers.get("interval")
        if accuracy is None or interval is None:
            return False
        low, high = interval
        self._evaluations.setdefault(name, []).append((step, accuracy, (low, high)))
        return True

    def _forget(self, step: int) -> None:
        """Steps from this one on, which are made anew."""
        while self._rows and self._rows[-1]["step"] >= step:
            self._rows.pop()
        for name, measured in self._evaluations.items():
            self._evaluations[name] = [one for one in measured if one[0] < step]


def guards_of(
    config: RunConfig, recorder: Recorder, pool: Pool, *, say: Callable[[str], None]
) -> Guards:
    """The guards of a run, with the answers that it has kept to watch its judge by."""
    probes = Probes(config.guards.judge, rubric(config.reward), config.run_dir)
    return Guards(config, recorder, probes, pool, say=say)


def _as_row(found: Sequence[Finding]) -> dict[str, Any]:
    return {guard: one.row for guard, one in worst(found).items()}
