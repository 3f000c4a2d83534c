"""The columns of the parquet files of a step, and what they mean."""

import pyarrow as pa

TURN = pa.struct(
    [
        ("trajectory", pa.int32()),
        ("message", pa.int32()),
        ("text", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("cached_tokens", pa.int64()),
        ("tokens", pa.int64()),
        ("allowed", pa.int64()),
        ("stop", pa.string()),
        ("versions", pa.list_(pa.struct([("tokens", pa.int64()), ("version", pa.int64())]))),
        ("reward", pa.float64()),
        ("began", pa.float64()),
        ("seconds", pa.float64()),
        ("answer_seconds", pa.float64()),
        ("engine", pa.int32()),
        (
            "calls",
            pa.list_(
                pa.struct(
                    [("name", pa.string()), ("seconds", pa.float64()), ("error", pa.string())]
                )
            ),
        ),
    ]
)
"""One turn of the policy: the fields of `TurnRecord`, and of its segment `tokens`, `versions` (how
many of them each version sampled, in order) and `reward`."""

EPISODES = pa.schema(
    [
        ("step", pa.int64()),
        ("group", pa.int64()),
        ("episode", pa.int32()),
        ("prompt_id", pa.string()),
        ("task", pa.string()),
        ("source", pa.string()),
        ("mode", pa.string()),
        ("prompt", pa.string()),
        ("response", pa.string()),
        ("messages", pa.string()),
        ("reference", pa.string()),
        ("outcome", pa.string()),
        ("reward", pa.float64()),
        ("reason", pa.string()),
        ("metrics", pa.map_(pa.string(), pa.float64())),
        ("advantage", pa.float64()),
        ("policy_version", pa.int64()),
        ("lag", pa.int32()),
        ("turns", pa.int32()),
        ("turn_rewards", pa.list_(pa.float64())),
        ("tokens", pa.int64()),
        ("prompt_tokens", pa.int64()),
        ("stop_reason", pa.string()),
        ("ending", pa.string()),
        ("used", pa.bool_()),
        ("began", pa.float64()),
        ("seconds", pa.float64()),
        ("turn_records", pa.list_(TURN)),
        ("opened", pa.string()),
    ]
)
"""One row an episode. `response` is the last turn and `messages` the whole conversation as JSON,
null where it is the prompt and one answer. `metrics` are the further numbers of verifier, terms and
environment, `turn_rewards` what each turn earned by itself. `policy_version` is that of the oldest
token and `lag` how much older it was than the policy that trained on it. `advantage`, the first
token's, and `lag` are null where the episode was not trained on. `ending` says what became of its
group and `used` whether it was trained on in this step. `began` is in seconds of Unix time,
`seconds` how long it took without grading; `turn_records` are its turns, trajectory by trajectory,
as `turn_rewards` are. The three are null where they were not kept. `opened` is `open` where the
chat template had opened the thinking before the response, `none` where it had not."""

TOKENS = pa.schema(
    [
        ("group", pa.int64()),
        ("episode", pa.int32()),
        ("trajectory", pa.int32()),
        ("ids", pa.list_(pa.int32())),
        ("logprobs", pa.list_(pa.float32())),
        ("mask", pa.list_(pa.bool_())),
        ("versions", pa.list_(pa.int32())),
    ]
)
"""One row a trajectory: the whole context; of a token that was only read `mask` is false, its
logprob 0 and its version -1."""
