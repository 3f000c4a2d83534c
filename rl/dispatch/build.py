"""A dispatcher from a run's settings."""

from collections.abc import Callable

from data.schema import PromptSource
from rl.config.sampling import SamplerConfig
from rl.dispatch.admission import Admission
from rl.dispatch.dispatcher import Dispatcher
from rl.dispatch.flight import Ended, Run
from rl.dispatch.flow import Flow
from rl.dispatch.ledger import Ledger
from rl.dispatch.pacing import Pacing
from rl.dispatch.waves import Waves
from rl.dispatch.window import Window
from rl.groups import Group
from rl.phases import PhaseClock


def make_dispatcher(
    config: SamplerConfig,
    source: PromptSource,
    run: Run,
    admission: Admission,
    *,
    version: Callable[[], int],
    free: Callable[[], float],
    ended: Ended = lambda _group, _ending: None,
    max_ungradable: float = 1.0,
    clock: PhaseClock | None = None,
) -> Dispatcher:
    """What `config` describes; the other arguments are those of `Dispatcher` and `Window`."""
    size = config.prompts_per_step
    limit = config.give_up_after or 20 * size
    ledger: Ledger[Group] = Ledger(size, config.max_lag, config.order, config.ahead)
    pacing: Pacing = (
        Flow(ledger)
        if config.max_lag
        else Waves(ledger, oversampling=config.max_oversampling, limit=limit)
    )
    return Dispatcher(
        source,
        run,
        ledger,
        pacing,
        admission,
        Window(max_ungradable, limit, config.samples_per_prompt),
        version=version,
        free=free,
        ended=ended,
        clock=clock,
    )
