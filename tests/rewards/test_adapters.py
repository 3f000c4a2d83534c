"""The adapters, called as OpenRLHF, TRL and verl call a reward function."""

import asyncio
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from rewards import MissingColumnError, UnknownVerifierError
from rewards.adapters import openrlhf, trl, verl

REPOSITORY = Path(__file__).parents[2]
# The loader and the file are what OpenRLHF needs: a path that ends in .py, and a `reward_func`.
REWARD_FILE = """
from rewards.adapters.openrlhf import reward

reward_func = reward("math", workers=1)
"""
RIGHT, WRONG, NO_REFERENCE = "so \\boxed{4}", "so \\boxed{5}", None


class Engine:
    """An engine in the shape that OpenRLHF's executor reads: always the same answer."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    async def generate(self, tokens: list[int], *_: object, **__: object) -> SimpleNamespace:
        made = SimpleNamespace(
            token_ids=[ord(c) for c in self.answer], finish_reason="stop", logprobs=None
        )
        return SimpleNamespace(outputs=[made])


class Letters:
    """A tokenizer whose tokens are characters."""

    def __call__(self, text: str, **_: object) -> dict[str, Any]:
        import torch

        return {"input_ids": torch.tensor([[ord(c) for c in text]])}

    def decode(self, tokens: list[int], **_: object) -> str:
        return "".join(map(chr, tokens))


@pytest.fixture(scope="module")
def reward_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openrlhf") / "reward.py"
    path.write_text(REWARD_FILE)
    return path


def execute(path: Path, prompt: str, answer: str, label: Any, max_length: int = 500) -> Any:
    """One rollout of OpenRLHF's own executor, with its own loading and calling of the function."""
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    executor = SingleTurnAgentExecutor(str(path))
    params = SimpleNamespace(max_tokens=100, logprobs=None)
    return asyncio.run(
        executor.execute(prompt, label, params, max_length, Letters(), Engine(answer))
    )


@pytest.mark.parametrize(
    ("answer", "reward"), [(RIGHT, 1.0), (RIGHT + "<|im_end|>", 1.0), (WRONG, 0.0), ("4", 0.0)]
)
def test_openrlhfs_executor_gets_rewards(reward_file: Path, answer: str, reward: float) -> None:
    import torch

    output = execute(reward_file, "2+2? Answer in \\boxed{4}-like form.", answer, "4")
    # What OpenRLHF makes of it next, in `_process_response_into_experience`.
    assert torch.tensor([output["reward"]]).tolist() == [reward]
    assert torch.tensor([output["scores"]]).tolist() == [reward]
    assert output["extra_logs"]["ungradable"].flatten()[0].item() == 0.0


def test_openrlhf_finds_the_answer_behind_a_prompt_that_was_cut(reward_file: Path) -> None:
    long = "\\boxed{5} " * 30 + "\nThat was an example. Now what is two plus two? Answer:\n"
    output = execute(reward_file, long, RIGHT, "4", max_length=250)
    assert output["reward"].tolist() == [1.0]
    assert execute(reward_file, long, "no box", "4", max_length=250)["reward"].tolist() == [0.0]


def test_openrlhf_filters_a_group_with_an_ungradable_answer(reward_file: Path) -> None:
    score = execute(reward_file, "2+2?", RIGHT, NO_REFERENCE)["scores"][0].item()
    assert math.isnan(score)
    average = (1.0 + 0.0 + score) / 3
    assert not 0.0 < average < 1.0  # the condition under which OpenRLHF keeps a group


def test_openrlhf_gives_an_ungradable_answer_the_number_that_was_named() -> None:
    made = openrlhf.reward("math", workers=1, ungradable=-1.0)
    found = made(["2+2? " + RIGHT, "?"], ["2+2? ", "another prompt"], [NO_REFERENCE, "4"])
    assert found["rewards"].tolist() == [-1.0, -1.0]
    assert found["extra_logs"]["ungradable"].tolist() == [1.0, 1.0]


def call_as_trl(function: Any, completions: list[Any], **columns: list[Any]) -> list[Any]:
    """What `GRPOTrainer._calculate_rewards` of TRL 1.16 calls, and does with the result."""
    logged: dict[str, float] = {}
    output = function(
        prompts=["2+2?"] * len(completions),
        completions=completions,
        completion_ids=[[1, 2]] * len(completions),
        **columns,
        trainer_state=SimpleNamespace(global_step=1),
        log_extra=lambda column, values: None,
        log_metric=logged.__setitem__,
    )
    assert len(output) == len(completions)
    assert set(logged) == {"rewards/math/ungradable"}
    return [math.nan if reward is None else reward for reward in output]


def test_trl_gets_a_list_with_none_where_nothing_was_measured() -> None:
    made = trl.reward("math", workers=1)
    assert made.__name__ == "math"
    rewards = call_as_trl(made, [RIGHT, WRONG, RIGHT], solution=["4", "4", NO_REFERENCE])
    assert rewards[:2] == [1.0, 0.0]
    assert math.isnan(rewards[2])


def test_trl_gets_rewards_for_conversations() -> None:
    def says(content: object) -> list[dict[str, object]]:
        return [{"role": "assistant", "content": content}]

    made = trl.reward("math", reference="answer", workers=1)
    completions = [says(RIGHT), says(WRONG), says([{"type": "text", "text": RIGHT}]), []]
    assert call_as_trl(made, completions, answer=["4"] * 4) == [1.0, 0.0, 1.0, 0.0]


def test_trl_names_the_columns_when_the_reference_is_missing() -> None:
    made = trl.reward("math", workers=1)
    with pytest.raises(MissingColumnError, match=r"no column 'solution'.*answer.*reference="):
        call_as_trl(made, [RIGHT], answer=["4"])


def call_as_verl(function: Any, answer: str, reference: Any) -> Any:
    """The call in verl 0.9.1's reward managers: in an executor's thread, all by keyword."""

    def with_kwargs(raw: Any, extra: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        return raw(*args, **{**kwargs, **extra})

    async def run_single() -> Any:
        compute_score = partial(with_kwargs, function, {})
        call = partial(
            compute_score,
            data_source="openai/gsm8k",
            solution_str=answer,
            ground_truth=reference,
            extra_info={"index": 7, "num_turns": None, "rollout_reward_scores": {}},
            reward_router_address="127.0.0.1:80",
            reward_model_tokenizer=None,
        )
        return await asyncio.get_running_loop().run_in_executor(None, call)

    return asyncio.run(run_single())


def test_verl_gets_a_score_and_what_it_logs() -> None:
    made = verl.reward("math", workers=1)
    assert call_as_verl(made, RIGHT, "4") == {"score": 1.0, "acc": 1.0, "ungradable": 0.0}
    assert call_as_verl(made, WRONG, "4") == {"score": 0.0, "acc": 0.0, "ungradable": 0.0}
    assert made("gsm8k", RIGHT, "4")["score"] == 1.0  # extra_info has a default
    unmeasured = call_as_verl(made, RIGHT, {"value": "4"})
    assert math.isnan(unmeasured["score"])
    assert unmeasured["ungradable"] == 1.0
    named = verl.reward("math", workers=1, ungradable=0.5)
    assert call_as_verl(named, RIGHT, {"value": "4"})["score"] == 0.5


def workers_of_this_process() -> set[int]:
    found = set()
    for one in psutil.Process().children():
        with suppress(psutil.Error):  # what another test has left may end just now
            if "rewards.grading.worker" in " ".join(one.cmdline()):
                found.add(one.pid)
    return found


def test_threads_share_one_pool() -> None:
    made = verl.reward("math", workers=1, deadline=250.0)  # limits that no other test uses
    before = workers_of_this_process()
    with ThreadPoolExecutor(8) as threads:
        scores = list(
            threads.map(lambda i: made("d", f"\\boxed{{{i}}}", str(i % 20))["score"], range(40))
        )
    assert scores == [float(i < 20) for i in range(40)]
    # One worker, and at most a spare beside it.
    assert 1 <= len(workers_of_this_process() - before) <= 2


def _score_in_child(made: Any, answer: str, results: Any) -> None:
    results.put((os.getpid(), made("d", answer, "4")["score"]))


@pytest.fixture
def forked() -> Iterator[Any]:
    yield multiprocessing.get_context("fork")


def test_forked_processes_have_pools_of_their_own_and_leave_the_parents_alone(forked: Any) -> None:
    made = verl.reward("math", workers=1)
    assert made("d", RIGHT, "4")["score"] == 1.0
    before = workers_of_this_process()
    results = forked.Queue()
    children = [
        forked.Process(target=_score_in_child, args=(made, answer, results))
        for answer in (RIGHT, WRONG)
    ]
    for child in children:
        child.start()
    scores = dict(results.get(timeout=60) for _ in children)
    for child in children:
        child.join(60)
    assert sorted(scores.values()) == [0.0, 1.0]
    assert os.getpid() not in scores
    assert made("d", RIGHT, "4")["score"] == 1.0
    assert before <= workers_of_this_process()


@pytest.mark.parametrize("factory", [openrlhf.reward, trl.reward, verl.reward])
def test_a_reward_travels_by_pickle_and_an_unknown_verifier_is_told_at_once(factory: Any) -> None:
    made = factory("math", workers=1)
    assert pickle.loads(pickle.dumps(made)).grader == made.grader
    with pytest.raises(UnknownVerifierError, match="did you mean 'math'"):
        factory("maths")
    with pytest.raises(ValueError, match="workers=0"):
        factory("math", workers=0)


AT_EXIT = """
import os, sys
from rewards.adapters import verl
import psutil
assert verl.reward("math", workers=1)("d", "\\\\boxed{4}", "4")["score"] == 1.0
heavy = {"torch", "ray", "vllm", "deepspeed", "sympy", "trl", "verl", "openrlhf"} & set(sys.modules)
print(*[one.pid for one in psutil.Process().children()], *heavy)
"""


def test_nothing_heavy_is_imported_and_no_worker_outlives_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    pids = [int(word) for word in done.stdout.split()]
    assert pids
    assert not any(psutil.pid_exists(pid) for pid in pids)
