"""Judges on the CPU: vLLM's server with a tiny model whose replies a JSON schema holds, and a
stand-in for it, which starts in no time.
"""

from pathlib import Path

STAND_IN = """
import json, os, subprocess, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
subprocess.Popen(["sleep", "1000"])  # an engine
KEY = os.environ["VLLM_API_KEY"]
GRADES = {name: 6 for name in ("usefulness", "adherence_to_instructions", "integrity", "accuracy")}


class Handler(BaseHTTPRequestHandler):
    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health":
            return self.answer({})
        if self.headers["authorization"] != f"Bearer {KEY}":
            return self.answer({"error": {"message": "who are you"}}, 401)
        root = arguments["--model"]
        self.answer({"object": "list", "data": [{"id": "m", "object": "model", "root": root}]})

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        message = {"role": "assistant", "content": json.dumps(GRADES)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.answer({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]})


if "--fail" in sys.argv:
    sys.exit("ValueError: no model")
server = ThreadingHTTPServer((arguments["--host"], int(arguments["--port"])), Handler)
print("listening", os.environ.get("VLLM_CPU_KVCACHE_SPACE"), flush=True)
server.serve_forever()
"""

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


def make_stand_in(root: Path) -> None:
    """A module of the name of vLLM's server, below `root`, which grades every answer with 6."""
    package = root / "vllm" / "entrypoints" / "openai"
    package.mkdir(parents=True)
    for folder in (package, *package.parents[:2]):
        (folder / "__init__.py").touch()
    (package / "api_server.py").write_text(STAND_IN)
