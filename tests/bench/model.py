"""`python -m tests.bench.model FOLDER`: write the benchmark's model, builtin:tiny untrained."""

import sys
from pathlib import Path

from transformers.utils.logging import disable_progress_bar

from rl.tiny import make_model, make_tokenizer, save

if __name__ == "__main__":
    disable_progress_bar()
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=0), tokenizer, Path(sys.argv[1]))
