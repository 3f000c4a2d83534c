"""Rows in the layout of each public data set, written for these tests."""

from typing import Any

Columns = dict[str, Any]

GSM8K: Columns = {
    "question": "A crate holds 6 jars. How many jars are in 7 crates?",
    "answer": "There are 6*7 = <<6*7=42>>42 jars.\n#### 42",
}
MATH: Columns = {
    "problem": "What is $3 + 4$?",
    "level": "Level 1",
    "type": "Prealgebra",
    "solution": r"Adding gives $\boxed{7}$.",
}
MATH_500: Columns = {
    "problem": "What is half of $3$?",
    "solution": r"We get $\boxed{\frac{3}{2}}$.",
    "answer": r"\frac{3}{2}",
    "subject": "Prealgebra",
    "level": "Level 2",
    "unique_id": "test/prealgebra/1.json",
}
HUMANEVAL: Columns = {
    "task_id": "HumanEval/900",
    "prompt": 'def triple(x: int) -> int:\n    """Three times x."""\n',
    "entry_point": "triple",
    "canonical_solution": "    return 3 * x\n",
    "test": "def check(candidate):\n    assert candidate(2) == 6\n    assert candidate(-1) == -3\n",
}
BFCL: Columns = {
    "id": "simple_python_0",
    "question": [[{"role": "user", "content": "What is the weather in Turin?"}]],
    "function": [
        {
            "name": "weather",
            "description": "The weather of a place.",
            "parameters": {
                "type": "dict",
                "properties": {
                    "place": {"type": "string", "description": "A town."},
                    "days": {"type": "integer", "description": "Optional. Default is 1."},
                },
                "required": ["place"],
            },
        }
    ],
}
BFCL_ANSWER: Columns = {
    "id": "simple_python_0",
    "ground_truth": [{"weather": {"place": ["Turin", "Torino"], "days": [1, ""]}}],
}
PLAIN: Columns = {"prompt": "What is 2 + 2?", "reference": "4", "hardness": 1}
