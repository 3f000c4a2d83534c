"""Rows in the layout of each public data set, written for these tests.

The names of columns and the shapes of their values are those of the sets' pages and loaders; the
contents are not theirs.
"""

import base64
import json
import pickle
import zlib
from typing import Any

Columns = dict[str, Any]


def packed(value: object) -> str:
    """As LiveCodeBench packs its private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(value)))).decode()


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
OPENR1: Columns = {
    "problem": "Find $x$ with $2x = 10$.",
    "solution": r"Halve both sides: $x = 5$.",
    "answer": "5",
    "problem_type": "Algebra",
    "question_type": "math-word-problem",
    "source": "olympiads",
    "uuid": "0b1c",
    "is_reasoning_complete": [True, True],
    "generations": ["<think>...</think> \\boxed{5}", "<think>...</think> \\boxed{4}"],
    "correctness_math_verify": [True, False],
    "correctness_llama": None,
    "finish_reasons": None,
    "correctness_count": 1,
    "messages": [{"role": "user", "content": "Find $x$ with $2x = 10$."}],
}
SYNTHETIC_MATH: Columns = {
    "source": "numina",
    "task_type": "verifiable_math",
    "in_source_id": "88",
    "prompt": "Compute $6^2$.",
    "gold_standard_solution": "It is $36$.",
    "verification_info": json.dumps({"ground_truth": "36"}),
    "metadata": "{}",
    "problem_id": "vfm_1",
}
SYNTHETIC_CODE: Columns = {
    "source": "apps",
    "task_type": "verifiable_code",
    "in_source_id": "12",
    "prompt": "Read a number and print its double, in Python.",
    "gold_standard_solution": "```python\nprint(2 * int(input()))\n```",
    "verification_info": {
        "language": "python",
        "test_cases": [
            {"type": "stdin_stdout", "input": "4\n", "output": "8\n", "fn_name": None},
            {"type": "stdin_stdout", "input": "-1\n", "output": "-2\n", "fn_name": None},
        ],
    },
    "metadata": {"difficulty": "introductory"},
    "problem_id": "vfc_1",
}
NUMINA: Columns = {
    "problem": "What is $1+2+3$?",
    "solution": "The sum is $6$.",
    "answer": "6",
    "problem_type": "Algebra",
    "question_type": "math-word-problem",
    "problem_is_valid": "Yes",
    "solution_is_valid": "Yes",
    "source": "cn_k12",
    "synthetic": False,
}
NUMINA_COT: Columns = {
    "source": "synthetic_math",
    "problem": "What is $9 - 2$?",
    "solution": r"It is $\boxed{7}$.",
    "messages": [
        {"role": "user", "content": "What is $9 - 2$?"},
        {"role": "assistant", "content": r"It is $\boxed{7}$."},
    ],
}
BIG_MATH: Columns = {
    "problem": "What is $12 / 4$?",
    "answer": "3",
    "source": "orca_math",
    "domain": ["Mathematics -> Arithmetic"],
    "llama8b_solve_rate": 0.90625,
}
DAPO: Columns = {
    "data_source": "math_dapo",
    "prompt": [
        {
            "role": "user",
            "content": "Solve the following math problem step by step. The last line of your "
            "response should be of the form Answer: $Answer (without quotes) where $Answer is the "
            "answer to the problem.\n\nHow many primes are below 10?\n\nRemember to put your "
            'answer on its own line after "Answer:".',
        }
    ],
    "ability": "MATH",
    "reward_model": {"ground_truth": "4", "style": "rule-lighteval/MATH_v2"},
    "extra_info": {"index": "9a9b6eb4"},
}
VERL_CODE: Columns = {
    "data_source": "taco",
    "prompt": [
        {"role": "system", "content": "You write programs."},
        {"role": "user", "content": "Print the sum of the numbers in a line."},
    ],
    "ability": "code",
    "reward_model": {
        "style": "rule",
        "ground_truth": json.dumps({"inputs": ["1 2\n", "5\n"], "outputs": ["3\n", "5\n"]}),
    },
    "extra_info": {"split": "train", "index": 4},
}
_HARD = {"DeepSeek-R1-Distill-Qwen-7B": 3}
SKYWORK_MATH: Columns = {
    "data_source": "train-math-numinamath1.5_olympiads",
    "prompt": [{"role": "user", "content": "What is $2^5$?"}],
    "ability": "math",
    "reward_model": {"ground_truth": '["32", "2^5"]', "style": "rule"},
    "extra_info": {"index": 7, "model_difficulty": _HARD},
}
SKYWORK_CODE: Columns = {
    "data_source": "train-code-leetcode-Easy",
    "prompt": [{"role": "user", "content": "Write a method `half` of a class Solution."}],
    "ability": "code",
    "reward_model": {
        "ground_truth": json.dumps(
            {
                "import_prefix": "from typing import *\n",
                "test_code": "def check(candidate):\n    assert candidate(4) == 2\n"
                "    assert candidate(n = 10) == 5\n",
                "entry_point": "Solution().half",
            }
        ),
        "style": "rule",
    },
    "extra_info": {"index": 8, "model_difficulty": _HARD},
}
HUMANEVAL: Columns = {
    "task_id": "HumanEval/900",
    "prompt": 'def triple(x: int) -> int:\n    """Three times x."""\n',
    "entry_point": "triple",
    "canonical_solution": "    return 3 * x\n",
    "test": "def check(candidate):\n    assert candidate(2) == 6\n    assert candidate(-1) == -3\n",
}
MBPP: Columns = {
    "task_id": 901,
    "text": "Write a python function to find the larger of two numbers.",
    "code": "def larger(a, b):\r\n  return max(a, b)",
    "test_list": ["assert larger(1, 2) == 2", "assert larger(5, -5) == 5"],
    "test_setup_code": "",
    "challenge_test_list": [],
}
MBPP_SANITIZED: Columns = {
    "source_file": "Mbpp.ipynb",
    "task_id": 902,
    "prompt": "Write a function to find the root of a square number.",
    "code": "import math\ndef root(a):\n  return math.isqrt(a)",
    "test_imports": ["import math"],
    "test_list": ["assert root(9) == 3", "assert root(16) == math.isqrt(16)"],
}
APPS_STDIN: Columns = {
    "problem_id": 12,
    "question": "Given n, print n squared.",
    "solutions": json.dumps(["n = int(input())\nprint(n * n)\n"]),
    "input_output": json.dumps({"inputs": ["3\n", ["4"]], "outputs": ["9\n", ["16"]]}),
    "difficulty": "introductory",
    "url": "https://example.org/12",
    "starter_code": "",
}
APPS_CALLS: Columns = {
    **APPS_STDIN,
    "problem_id": 13,
    "question": "Return the sorted list.",
    "solutions": json.dumps(["def order(xs):\n    return sorted(xs)\n"]),
    "input_output": json.dumps(
        {"fn_name": "order", "inputs": [[[2, 1]], [[3]]], "outputs": [[[1, 2]], [[3]]]}
    ),
    "starter_code": "def order(xs):\n\t",
}
TACO: Columns = {
    "question": "Print the number of words.",
    "solutions": json.dumps(["print(len(input().split()))"]),
    "starter_code": "",
    "input_output": json.dumps({"inputs": ["a b\n", "c\n"], "outputs": ["2\n", "1\n"]}),
    "difficulty": "EASY",
    "raw_tags": "['strings']",
    "name": None,
    "source": "codeforces",
    "tags": "['String algorithms']",
    "skill_types": "[]",
    "url": "https://example.org/1/A",
    "Expected Auxiliary Space": None,
    "time_limit": "1.0 seconds",
    "date": None,
    "picture_num": "0",
    "memory_limit": "256.0 megabytes",
    "Expected Time Complexity": None,
}
LIVECODEBENCH: Columns = {
    "question_title": "A. Sum",
    "question_content": "Print the sum of two numbers.",
    "platform": "atcoder",
    "question_id": "abc901_a",
    "contest_id": "abc901",
    "contest_date": "2024-05-01T00:00:00",
    "starter_code": "",
    "difficulty": "easy",
    "public_test_cases": json.dumps([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]),
    "private_test_cases": packed([{"input": "5 6\n", "output": "11\n", "testtype": "stdin"}]),
    "metadata": "{}",
}
LIVECODEBENCH_CALLS: Columns = {
    **LIVECODEBENCH,
    "question_id": "3900",
    "platform": "leetcode",
    "question_content": "Return the largest sum of k numbers.",
    "starter_code": "class Solution:\n    def largest(self, xs: list[int], k: int) -> int:\n",
    "public_test_cases": json.dumps(
        [{"input": "[1, 2, 3]\n2", "output": "5", "testtype": "functional"}]
    ),
    "private_test_cases": packed(
        [{"input": "[9]\n1", "output": "9", "testtype": "functional"}],
    ),
    "metadata": json.dumps({"func_name": "largest"}),
}
KODCODE: Columns = {
    "version": "v1.0",
    "style": "instruct",
    "subset": "Algorithm",
    "question_id": "Algorithm_1_I",
    "question": "Write a function that tells whether a number is even.",
    "solution": "def is_even(n):\n    return n % 2 == 0",
    "test": "from solution import is_even\n\n\ndef test_even():\n    assert is_even(4) == True\n\n"
    "def test_odd():\n    assert is_even(3) == False\n",
    "test_info": [
        {
            "docstring": "",
            "function_declaration": "def is_even(n):",
            "function_name": "is_even",
            "parameter_list": "(n)",
        }
    ],
    "gpt_pass_sequence": [1, 1, 0, 1],
    "gpt_pass_trial_num": 3,
    "gpt_difficulty": "easy",
    "gpt_pass_percentage": 0.75,
    "trials": {"trial_gpt4o_0": {"file_coverage": 100}},
    "metadata": {"instruction_id": "1"},
}
ACECODE: Columns = {
    "id": "oss_1",
    "source": "oss",
    "question": "Write a function `twice(x)` that doubles a number.",
    "test_cases": ["assert twice(2) == 4", "assert twice(-1) == -2"],
    "inferences": [
        {"model_name": "a", "completion": "no code", "pass_rate": 0.0, "test_results": [0, 0]},
        {
            "model_name": "b",
            "completion": "Here:\n```python\ndef twice(x):\n    return 2 * x\n```",
            "pass_rate": 1.0,
            "test_results": [1, 1],
        },
    ],
    "context_messages": [[{"role": "user", "content": "..."}]],
}
ACECODE_2: Columns = {
    "id": "evol_2",
    "source": "evol",
    "question": "Write a function `f` that gives back what it is given.",
    "tests": ["assert f(1) == 1"],
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
BFCL_TURNS: Columns = {
    **BFCL,
    "id": "multi_turn_base_0",
    "question": [
        [{"role": "user", "content": "What is the weather in Turin?"}],
        [{"role": "user", "content": "And in two days?"}],
    ],
    "initial_config": {"WeatherAPI": {"sun": True}},
    "path": ["WeatherAPI.weather"],
    "involved_classes": ["WeatherAPI"],
    "ground_truth": [["weather(place='Turin')"], ["weather('Turin', 2)"]],
}
XLAM: Columns = {
    "id": 5,
    "query": "Where can I find live giveaways for beta access?",
    "answers": json.dumps([{"name": "giveaways", "arguments": {"type": "beta"}}]),
    "tools": json.dumps(
        [
            {
                "name": "giveaways",
                "description": "Live giveaways of a type.",
                "parameters": {
                    "type": {"description": "The type.", "type": "str", "default": "game"}
                },
            }
        ]
    ),
}
_FUNCTION = {
    "name": "Get Trends",
    "description": "The most talked-about symbols.",
    "parameters": {
        "type": "dict",
        "properties": {"market": {"type": "string", "description": "A market."}},
        "required": ["market"],
    },
    "required": None,
}
TOOLACE: Columns = {
    "system": "You are an expert in composing functions. You are given a question and a set of "
    "possible functions.\nHere is a list of functions in JSON format that you can invoke:\n"
    + json.dumps([_FUNCTION])
    + ". \nShould you decide to return the function call(s). \nPut it in the format of "
    "[func1(params_name=params_value, params_name2=params_value2...), func2(params)]\n\n"
    "NO other text MUST be included. \n",
    "conversations": [
        {"from": "user", "value": "What is trending in Milan?"},
        {"from": "assistant", "value": '[Get Trends(market="Milan")]'},
        {"from": "tool", "value": '[{"name": "Get Trends", "results": ["ENI"]}]'},
        {"from": "assistant", "value": "ENI is trending."},
        {"from": "user", "value": "Thank you. How are you?"},
        {"from": "assistant", "value": "I am well."},
    ],
}
_DECLARED = {
    "type": "function",
    "function": {
        "name": "convert",
        "description": "Convert a sum.",
        "parameters": {
            "type": "object",
            "properties": {"amount": {"type": "number"}, "to": {"type": "string"}},
            "required": ["amount", "to"],
        },
    },
}
HERMES: Columns = {
    "id": "h-1",
    "conversations": [
        {
            "from": "system",
            "value": "You are a function calling AI model. <tools>\n"
            + json.dumps([_DECLARED])
            + "\n</tools>\nFor each function call return a json object within <tool_call> tags.",
        },
        {"from": "human", "value": "How much is 10 euros in yen?"},
        {
            "from": "gpt",
            "value": "<tool_call>\n{'arguments': {'amount': 10, 'to': 'JPY'}, 'name': 'convert'}\n"
            "</tool_call>\n",
        },
    ],
    "tools": json.dumps([_DECLARED]),
    "category": "Finance",
    "subcategory": "Currency",
    "task": "Conversion",
}
TULU_IF: Columns = {
    "messages": [{"role": "user", "content": "Describe a lake. Answer with around 20 words."}],
    "ground_truth": json.dumps(
        {
            "func_name": "validate_word_constraint",
            "N": 20,
            "quantifier": "around",
            "end_phrase": None,
            "keyword_list": None,
        }
    ),
    "dataset": "ifeval",
    "constraint_type": "Number Words",
    "constraint": "Answer with around {N} words.",
}
TULU_MULTI: Columns = {
    "key": "k-1",
    "messages": [{"role": "user", "content": "Describe a hill without commas, in lower case."}],
    "ground_truth": str(
        [
            {
                "instruction_id": ["punctuation:no_comma", "length_constraints:number_words"],
                "kwargs": [None, {"num_words": 5, "relation": "at least"}],
            }
        ]
    ),
    "dataset": "ifeval",
    "constraint_type": "multi",
    "constraint": "...",
}
TULU_MATH: Columns = {
    "messages": [{"role": "user", "content": "How many legs do 3 hens have?"}],
    "ground_truth": "6",
    "dataset": "gsm8k",
    "constraint_type": None,
    "constraint": None,
}
IFEVAL: Columns = {
    "key": 1000,
    "prompt": "Write a riddle without commas.",
    "instruction_id_list": ["punctuation:no_comma"],
    "kwargs": [{"num_words": None, "relation": None}],
}
PLAIN: Columns = {"prompt": "What is 2 + 2?", "reference": "4", "hardness": 1}
PLAIN_TOOL: Columns = {
    "messages": [{"role": "user", "content": "How much is 10 euros in yen?"}],
    "tools": [_DECLARED],
    "reference": [{"name": "convert", "arguments": {"amount": 10, "to": "JPY"}}],
}
CHAT: Columns = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name a colour."},
        {"role": "assistant", "content": "Red."},
    ]
}
CHAT_TOOL: Columns = {
    "conversations": [
        {"from": "human", "value": "How much is 10 euros in yen?"},
        {
            "from": "gpt",
            "value": '<tool_call>{"name": "convert", "arguments": {"amount": 10, "to": "JPY"}}'
            "</tool_call>",
        },
    ],
    "tools": [_DECLARED],
}
