"""`plumb train --dry-run`: everything of a run but sampling and learning.

Guarantees: what a run would refuse before its engines start is refused here in the same words; of
`run_dir` nothing is read or written; neither Ray nor an engine is started.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.schema import Prompt
from data.validate import answered
from launch.train.data import counted
from launch.train.run import TINY, Prepared, prepare, shown_of, tiny_words
from rewards import Rubric, Sample, Verdict
from rl.config import RunConfig
from rl.endpoint.begin import begin_answering
from rl.episodes.lengths import check_lengths, offered, started, token_counts
from rl.episodes.rendering import Renderer, findings, renderer_of
from rl.modes import columns_of
from rl.rewarding import rubric
from rl.tokenizer import load_tokenizer

GRADED: Final = 16  # prompts whose answers are graded
TOKENS_SHOWN: Final = 400
TEXT_SHOWN: Final = 4000
BOXED: Final = "math"  # the verifier that reads the answer from a box
TESTED: Final = frozenset({"code", "constraints", "judge"})  # whose references are no answers
GOLD: Final = "the reference"
NOISE: Final = "I do not know."


@dataclass(frozen=True, slots=True)
class Tried:
    """Answers of one kind, graded."""

    what: str
    verdicts: list[Verdict]

    @property
    def correct(self) -> int:
        """How many are."""
        return sum(one.is_correct for one in self.verdicts)

    @property
    def ungradable(self) -> int:
        """How many could not be graded."""
        return sum(not one.is_gradable for one in self.verdicts)


def dry_run(config_path: Path, overrides: Sequence[str], say: Callable[[str], None]) -> int:
    """Go through a config; gives the exit code: 1 where no answer could teach anything."""
    here = "reward.nodes=0"  # which grade as this process does
    prepared = prepare(config_path, [*overrides, here], say)
    return asyncio.run(_dry_run(prepared, say))


async def _dry_run(prepared: Prepared, say: Callable[[str], None]) -> int:
    config = prepared.config
    say(f"{counted(prepared.prompts)}, {len(prepared.evaluation)} held out")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumb-dry-")))
        tokenizer = await asyncio.to_thread(_tokenizer, prepared, folder)
        environment = await begin_answering(stack, config)
        renderer = renderer_of(tokenizer, config)
        prompts = [offered(environment, prompt) for prompt in prepared.asked]
        for line in findings(renderer, config, with_tools=any(one.tools for one in prompts)):
            say(line)
        say(_lengths(renderer, prompts, config.rollout.max_prompt_tokens))
        for prompt in _one_a_mode(prompts):
            _show(renderer, tokenizer, prompt)
        stack.push_async_callback(prepared.pool.aclose)
        await prepared.pool.start()
        some = prompts[:GRADED]
        tried = [
            Tried(what, await prepared.pool.grade(samples))
            for what, samples in _answers(some, rubric(config.reward))
        ]
    _tell(tried)
    return _conclude(tried, config, say)


def _tokenizer(prepared: Prepared, folder: Path) -> Any:
    """That of the policy; `builtin:tiny` has one for its data."""
    config = prepared.config
    if config.model.path != TINY:
        return load_tokenizer(config)
    from rl.tiny import make_tokenizer

    shown = shown_of(config, prepared.prompts)
    made = make_tokenizer(tools=config.env is not None, words=tiny_words(config, shown))
    made.save_pretrained(folder)
    path = {"model": config.model.model_copy(update={"path": str(folder)})}
    return load_tokenizer(config.model_copy(update=path))


def _lengths(renderer: Renderer, prompts: Sequence[Prompt], limit: int) -> str:
    check_lengths(renderer, prompts, limit)
    counts = token_counts(renderer, prompts)
    return (
        f"prompts have {min(counts):,} to {max(counts):,} tokens, {median(counts):,.0f} in the "
        f"middle; rollout.max_prompt_tokens is {limit:,}"
    )


def _one_a_mode(prompts: Sequence[Prompt]) -> list[Prompt]:
    """The first prompt of each mode; of a run without modes the first of all."""
    first: dict[str, Prompt] = {}
    for prompt in prompts:
        first.setdefault(prompt.mode, prompt)
    return [first[mode] for mode in sorted(first)]


def _show(renderer: Renderer, tokenizer: Any, prompt: Prompt) -> None:
    ids = [int(one) for one in started(renderer, prompt)]
    console = Console(soft_wrap=True, highlight=False)
    mode = f" in mode {prompt.mode}" if prompt.mode else ""
    console.print(Text(f"\nprompt {prompt.id}{mode}, as the policy reads it:", style="bold"))
    text = tokenizer.decode(ids)
    console.print(Text(text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}..."))
    console.print(Text(f"\nits {len(ids):,} tokens:", style="bold"))
    rest = f" ... and {len(ids) - TOKENS_SHOWN:,} more" if len(ids) > TOKENS_SHOWN else ""
    console.print(Text(" ".join(map(str, ids[:TOKENS_SHOWN])) + rest))


def _answers(prompts: Sequence[Prompt], grading: Rubric) -> list[tuple[str, list[Sample]]]:
    """Answers that should be right, and some that should not."""
    gold, other, empty, noise = [], [], [], []
    for at, prompt in enumerate(prompts):
        bare = _says(prompt, "")
        empty.append(bare)
        noise.append(_says(prompt, NOISE))
        spec = grading.main_of(bare).spec
        if spec in TESTED or prompt.reference is None:
            continue
        boxed = spec == BOXED
        gold.append(_says(prompt, answered(prompt, boxed).response))
        turned = [*prompts[at + 1 :], *prompts[:at]]
        for rival in turned:
            if rival.reference not in (None, prompt.reference):
                other.append(_says(prompt, answered(rival, boxed).response))
                break
    kinds = [
        (GOLD, gold),
        ("another's reference", other),
        ("nothing", empty),
        (NOISE, noise),
    ]
    return [(what, samples) for what, samples in kinds if samples]


def _says(prompt: Prompt, response: str) -> Sample:
    return Sample(
        id=prompt.id,
        prompt=prompt.messages,
        response=response,
        reference=prompt.reference,
        task=prompt.task,
        tools=prompt.tools,
        metadata={
            **prompt.metadata,
            "response_tokens": len(response),
            **columns_of(prompt, 0),
        },
    )


def _tell(tried: Sequence[Tried]) -> None:
    table = Table()
    for title in ("answer", "right", "wrong", "ungradable", "reward", "a reason"):
        table.add_column(title, no_wrap=title != "a reason")
    for one in tried:
        rewards = [verdict.reward for verdict in one.verdicts if verdict.is_gradable]
        reasons = [verdict.reason for verdict in one.verdicts if verdict.reason]
        table.add_row(
            one.what,
            str(one.correct),
            str(len(one.verdicts) - one.correct - one.ungradable),
            str(one.ungradable),
            f"{sum(rewards) / len(rewards):g}" if rewards else "",
            Text(reasons[0][:60] if reasons else ""),
        )
    console = Console()
    console.print()
    console.print(table)


def _conclude(tried: Sequence[Tried], config: RunConfig, say: Callable[[str], None]) -> int:
    gold = [one for one in tried if one.what == GOLD]
    wrong = [one for one in tried if one not in gold]
    if config.env is not None or config.agent is not None:
        say("an environment may judge an episode by itself: its own rewards are not tried here")
    for one in gold:
        if missed := len(one.verdicts) - one.correct:
            say(
                f"{missed} of {len(one.verdicts)} references are not right by their own verifier: "
                "plumb data validate shows all of them"
            )
    for one in wrong:
        if one.correct:
            say(f"{one.correct} of {len(one.verdicts)} answers pass that should not: {one.what}")
    if any(one.ungradable == len(one.verdicts) for one in tried):
        say("no answer of one kind could be graded: the reasons above say why")
        return 1
    if any(one.correct == 0 for one in gold):
        say("no reference is right: nothing could be learnt from this data and this verifier")
        return 1
    say("nothing was started; leave out --dry-run to train")
    return 0
