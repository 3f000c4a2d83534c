"""A real judge on the CPU: vLLM's server with a tiny model whose replies a JSON schema holds."""

from pathlib import Path

SERVER_ARGUMENTS = (
    *("--served-model-name", "tiny-judge"),
    *("--max-model-len", "8192"),
    "--enforce-eager",
    # A random model would write spaces for ever where the schema allows some.
    *("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}'),
)


def make_judge_model(folder: Path) -> Path:
    """A random Qwen3 with room for a rubric, in `folder`, which is given back."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from rl.tiny import make_tokenizer, save

    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    save(Qwen3ForCausalLM(config), tokenizer, folder)
    return folder
