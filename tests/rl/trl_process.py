"""Plays scripted turns in TRL's own loop, in a process that has TRL; says what came of them.

    python -m tests.rl.trl_process FILE NAME ROW TURNS FOLDER

FILE has the environment NAME, ROW is one row as JSON, TURNS a JSON list of texts, FOLDER is for
TRL. The last line is JSON: the tools' schemas, the conversation, and the rewards.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from tests.rl.scripted import small_tokenizer


def main() -> None:
    """See above."""
    import trl  # type: ignore[import-not-found]
    from datasets import Dataset  # type: ignore[import-untyped]
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    file, name, row, turns, folder = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("theirs", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    template = Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja"
    tokenizer = small_tokenizer(template.read_text("utf-8"))
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "head_dim": 8}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    model = Qwen3ForCausalLM(Qwen3Config(vocab_size=len(tokenizer), **sizes, **heads))
    settings = {
        "output_dir": folder, "per_device_train_batch_size": 2, "num_generations": 2,
        "max_steps": 1, "max_completion_length": 4000, "report_to": [], "use_cpu": True,
        "bf16": False, "gradient_checkpointing": False, "save_strategy": "no",
        "disable_tqdm": True,
    }  # fmt: skip
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        args=GRPOConfig(**settings),
        train_dataset=Dataset.from_list([json.loads(row)] * 2),
        environment_factory=getattr(module, name),
    )
    texts = [f"{text}<|im_end|>" for text in json.loads(turns)]
    left = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    said: dict[str, Any] = {}

    def single_turn(prompt_ids: list[Any], *_: Any, **__: Any) -> tuple[Any, None]:
        turn = left.pop(0)
        return [list(turn) for _ in prompt_ids], None

    calculate = trainer._calculate_rewards

    def rewards(inputs: Any, prompts: Any, completions: Any, ids: Any) -> Any:
        given = calculate(inputs, prompts, completions, ids)
        said.update(prompt=prompts[0], completion=completions[0], rewards=given.flatten().tolist())
        return given

    trainer._generate_single_turn = single_turn
    trainer._calculate_rewards = rewards
    trainer.train()
    from transformers.utils import get_json_schema

    said["tools"] = [get_json_schema(tool) for tool in trainer.tools]
    print(json.dumps(said))


if __name__ == "__main__":
    main()
