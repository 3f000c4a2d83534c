"""BFCL's own verdicts, in a process that has its package: stdin has conversations, stdout verdicts.

Standard input is a JSON list of `{"entry", "turns", "truth", "category"}`, with calls as text.
"""

import json
import sys


def main() -> None:
    """See above."""
    from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import (  # type: ignore[import-not-found]
        multi_turn_checker,
    )

    found = []
    for number, one in enumerate(json.load(sys.stdin)):
        entry = {**one["entry"], "id": f"{one['entry']['id'].rsplit('_', 1)[0]}_{number}"}
        steps = [[[call] for call in turn] for turn in one["turns"]]
        verdict = multi_turn_checker(steps, one["truth"], entry, one["category"], "model")
        found.append(verdict["valid"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
