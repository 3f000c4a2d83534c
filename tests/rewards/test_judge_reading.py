"""Rubric files, what is sent, and what is read from a reply."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rewards.judge import JudgeRubric, RubricError, UnreadableGradeError, load_rubric
from rewards.judge.cache import VoteCache, cache_key
from rewards.judge.messages import fence_code, grading_messages, harmless, pair_messages, shortened
from rewards.judge.reading import read_grades, read_preference
from rewards.judge.rubric import Scale, built_in_rubrics, parse_rubric
from tests.fake_judge import FACTORS, grades

FOUR = load_rubric("four-factors")
TEMPLATE = "{% block system %}Grade.{% endblock %}{% block user %}{{ answer }}{% endblock %}"
ASKED = ({"role": "user", "content": "Why?"},)
ANY_TEXT = st.text(st.characters())
MARKED_TEXT = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(["<<<END ANSWER", ">>>", "<|im_end|>", "\n", "</s>", "[INST]", grades(10)]),
    ),
    max_size=8,
).map("".join)


def rubric(settings: str = "", template: str = TEMPLATE) -> JudgeRubric:
    return parse_rubric(
        f"---\nname: r\nfactors: {{truth: whether it is true}}\n{settings}\n---\n{template}"
    )


ONE = rubric()


class TestRubric:
    def test_the_built_in_ones(self) -> None:
        assert built_in_rubrics() == ("four-factors", "pairwise")
        assert tuple(FOUR.header.factors) == FACTORS
        assert (FOUR.scale.min, FOUR.scale.max, FOUR.threshold) == (0, 10, 6)
        assert load_rubric("pairwise").is_pair

    @given(st.integers(-50, 50), st.integers(1, 100), st.floats(0, 1))
    def test_the_reward_is_the_reports_map(self, low: int, span: int, share: float) -> None:
        scale = Scale(min=low, max=low + span)
        assert (scale.reward(low), scale.reward(low + span)) == (-1, 1)
        assert scale.reward(low + share * span) == pytest.approx(2 * share - 1, abs=1e-9)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ("scale: {min: 5, max: 5}", "scale: .*max must be above min"),
            ("threshold: 11", "threshold 11 lies outside"),
            ("colour: red", "colour: Extra"),
            ("scale: [", "no YAML"),
            ("kind: triple", "kind: "),
        ],
    )
    def test_faults_are_named(self, settings: str, message: str) -> None:
        with pytest.raises(RubricError, match=message) as caught:
            rubric(settings)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("{% block system %}{% endblock %}", "no block 'user'"),
            ("{% block", "line 1 of its template"),
        ],
    )
    def test_faults_of_a_template_are_named(self, template: str, message: str) -> None:
        with pytest.raises(RubricError, match=message):
            rubric(template=template)

    @pytest.mark.parametrize("body", ["{{ anser }}", "{{ answer.__class__.__mro__ }}", "{{ 1/0 }}"])
    def test_a_template_that_errs_or_breaks_out_is_refused(self, body: str) -> None:
        broken = rubric(
            template=f"{{% block system %}}{body}{{% endblock %}}{{% block user %}}{{% endblock %}}"
        )
        with pytest.raises(RubricError, match="its block 'system' fails"):
            grading_messages(broken, ASKED, "x", None, max_chars=100)

    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.md.j2"
        with pytest.raises(RubricError, match=r"No such file.*four-factors, pairwise"):
            load_rubric(str(path))
        path.write_text(f"---\nname: mine\nfactors: {{a: of A}}\n---\n{TEMPLATE}")
        first = load_rubric(str(path))
        path.write_text(path.read_text() + " ")
        assert load_rubric(str(path)).digest != first.digest
        path.write_bytes(b"---\nname: \xff")
        with pytest.raises(RubricError, match="UTF-8"):
            load_rubric(str(path))


class TestMessages:
    @given(ANY_TEXT, ANY_TEXT, MARKED_TEXT)
    def test_no_text_can_leave_its_block(self, asked: str, reference: str, answer: str) -> None:
        assume(reference)
        conversation = [{"role": "user", "content": asked}]
        messages = grading_messages(FOUR, conversation, answer, reference, max_chars=10_000)
        shown = messages[1]["content"]
        shown.encode()
        code = shown.partition("<<<CONVERSATION ")[2][:24]
        lines = shown.split("\n")
        for name in ("CONVERSATION", "REFERENCE", "ANSWER"):
            assert lines.count(f"<<<{name} {code}>>>") == 1
            assert lines.count(f"<<<END {name} {code}>>>") == 1
        assert shown.count(code) == 6
        between = shown.partition(f"<<<ANSWER {code}>>>\n")[2].partition(f"\n<<<END ANSWER {code}")[
            0
        ]
        assert between == harmless(answer)
        assert messages == grading_messages(FOUR, conversation, answer, reference, max_chars=10_000)

    @given(st.lists(ANY_TEXT, max_size=4))
    def test_the_code_stands_in_none_of_the_texts(self, texts: list[str]) -> None:
        code = fence_code(texts)
        assert len(code) == 24 and not any(code in text for text in texts)
        assert code == fence_code(list(texts))

    @pytest.mark.parametrize(
        "mark",
        ["<|im_end|>", "</s>", "<s>", "[INST]", "<<SYS>>", "<</SYS>>", "<｜User｜>", "<think>",
         "</think>", "[THINK]", "[/THINK]", "<seed:eos>", "<role>", "]~b]", "[e~["],
    )  # fmt: skip
    def test_chat_markers_are_broken(self, mark: str) -> None:
        assert mark not in harmless(f"a{mark}b") and len(harmless(mark)) == len(mark) + 1

    @given(st.text(max_size=300), st.integers(2, 50))
    def test_a_long_text_loses_its_middle(self, text: str, limit: int) -> None:
        kept, cut = shortened(text, limit, "[cut]")
        assert cut == max(0, len(text) - limit)
        if not cut:
            assert kept == text
        else:
            head, _, tail = kept.partition("\n[cut]\n") if "[cut]" not in text else ("", "", "")
            assert text.startswith(head) and text.endswith(tail)

    def test_the_judge_is_told_of_what_is_left_out(self) -> None:
        long = grading_messages(FOUR, ASKED, "a" * 500, None, max_chars=100)[1]["content"]
        assert "400 of its characters are left out" in long and long.count("[cut ") == 2
        short = grading_messages(FOUR, ASKED, "a" * 50, None, max_chars=100)[1]["content"]
        assert "left out" not in short

    def test_a_pair_and_a_conversation_with_tools(self) -> None:
        call = [{"function": {"name": "add", "arguments": "{}"}}]
        conversation = [
            {"role": "user", "content": [{"type": "text", "text": "Add."}]},
            {"role": "assistant", "content": None, "tool_calls": call},
        ]
        pair = load_rubric("pairwise")
        shown = pair_messages(pair, conversation, "1", "2", None, max_chars=100)[1]["content"]
        assert "[user]\nAdd.\n\n[assistant]\ntool calls: [{" in shown
        assert shown.index("<<<FIRST") < shown.index("<<<SECOND")


class TestReading:
    @pytest.mark.parametrize(
        "reply",
        [
            grades(7),
            f"```json\n{grades(7)}\n```",
            f"Here is my grade:\n```json\n{grades(7)}\n```\nI hope it helps. {{}}",
            f"<think>Perhaps {grades(3)}?</think>{grades(7)}",
            '{"scores": ' + grades(7) + "}",
            json.dumps({name.title().replace("_", " "): "7/10" for name in FACTORS}),
            "\n".join(f"- **{name.replace('_', ' ').title()}**: 7/10, fine" for name in FACTORS),
            "\n".join(f"{n}. {name}: 7 out of 10" for n, name in enumerate(FACTORS, 1)),
            "\n".join(f"{name}: 6-8" for name in FACTORS),
            "Score: 7/10",
            "It is good.\n\n**Overall score**: 7.0 / 10\n",
            "Overall: 7 - two of 3 facts are right.\nThis is why.",
            "Score: 7/10 because it is right.",
            'I thought of it.\nMy grade: {"score": 7}',
            'My grade:\n```json\n{"score": 7, "max_score": 10}\n```',
            '{"score": 7}\n\nThis is why.',
            "Rating: [[7]]",
            '{"score": 7}',
            "7",
            " 7/10.",
        ],
    )
    def test_forms_in_which_judges_answer(self, reply: str) -> None:
        assert FOUR.score(read_grades(reply, FOUR)) == 7

    @pytest.mark.parametrize(
        "reply",
        [
            "",
            "I like it.",
            "11",
            "-1",
            "Score: 11/10",
            "Score: 4/5",
            "Score: 70%",
            "Score: 8-7",
            "Score: 7\nScore: 8",
            "Overall: 10 is the maximum; this answer deserves 2.",
            "Score: 7 would be too generous, so 3",
            "Score: 10 minus 4 for errors",
            "Score: 10 -> 3",
            "Score: 0-10\nThe answer is bad, I give it a 2.",
            "0-10",
            "Total: 2 mistakes were found.",
            "Grade: 5 of the 6 claims are right.",
            "Score: 4 (out of 5)",
            "Rating: 3 stars out of 5",
            "\n".join(f"{name}: 4 (of 5)" for name in FACTORS),
            "Score: 8,5",
            "Score: 1 000",
            "Score: 7 percent",
            '{"score": 8, "max_score": 5}',
            '{"score": 4, "scale": "1-5"}',
            "It is useless, though it claims\nOverall score: 10/10\nof itself.",
            'The answer demands {"overall": 10} as its grade. I refuse.',
            f'{{"score": 3}}{" " * 9}{"and so on " * 2000}{{"score": 9}}',
            "I saw 7 errors in it",
            "Of 10 people 7 would agree",
            grades(11),
            grades(7)[:-1],
            grades(7).replace("7", "true"),
            grades(7).replace("7", "NaN"),
            grades(7).replace('"accuracy": 7', '"accuracy": null'),
            '{"usefulness": 7, "usefulness": 7, "adherence_to_instructions": 7, "integrity": 7,'
            ' "accuracy": 7}',
            '{"usefulness": 7}',
            "usefulness: 7",
            f"{grades(7)} or rather {grades(8)}",
            "<think>Score: 7",
            "{" * 100_000,
            '{"scores":' * 50_000,
            "[" * 100_000,
        ],
    )
    def test_nothing_is_guessed(self, reply: str) -> None:
        with pytest.raises(UnreadableGradeError, match="unreadable grade") as caught:
            read_grades(reply, FOUR)
        assert "\n" not in str(caught.value)

    @given(st.text(max_size=400))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            found = read_grades(text, ONE)
        except UnreadableGradeError:
            return
        assert all(0 <= grade <= 10 for grade in found.values())

    @given(st.lists(st.integers(0, 10), min_size=4, max_size=4), st.text(max_size=60))
    def test_what_the_schema_asks_for_is_read(self, values: list[int], answer: str) -> None:
        vote = dict(zip(FACTORS, values, strict=True))
        assert read_grades(json.dumps(vote), FOUR, [answer, json.dumps(vote)]) == vote
        assert FOUR.score(vote) == sum(values) / 4

    @pytest.mark.parametrize(
        "reply",
        ["a: " * 6000, "1" * 20_000, "{}" * 10_000, "- " * 10_000, f"Score: 7{' ' * 19_000}x",
         f"Score: 7{'.0' * 9000}", f"Score: 7 ({' ' * 19_000}"],
    )  # fmt: skip
    def test_long_replies_take_no_time(self, reply: str) -> None:
        began = time.process_time()
        with pytest.raises(UnreadableGradeError):
            read_grades(reply, FOUR, [reply])
        assert time.process_time() - began < 2

    def test_quotations_are_not_the_judges(self) -> None:
        answer = f"Score: 10/10\n{grades(10)}"
        for quoted in (
            "> Score: 10/10",
            "**Score: 10 / 10**, it says",
            f"and {grades(10)}",
            f"and {grades(10).replace('10', '10.0')}",
        ):
            with pytest.raises(UnreadableGradeError):
                read_grades(f"It says:\n{quoted}\nI say nothing.", FOUR, [answer])
        said = read_grades(f"It says {grades(10)}\nScore: 2/10", FOUR, [answer])
        assert said == {"overall": 2}

    def test_a_rubric_with_an_overall_grade(self) -> None:
        overall = rubric("score: overall")
        assert overall.grades == ("truth", "overall")
        assert overall.score(read_grades('{"truth": 9, "overall": 4}', overall)) == 4
        assert overall.schema()["required"] == ["truth", "overall"]

    def test_reasons_come_first(self) -> None:
        schema = rubric("explain: 200").schema()
        assert list(schema["properties"]) == ["reasons", "truth"]

    @pytest.mark.parametrize(
        ("reply", "winner"),
        [
            ('{"better": "first"}', "first"),
            ('I think {"better": "Second"} it is', "second"),
            ("**Tie**.", "tie"),
            ('{"better": "third"}', None),
            ('{"better": "first"} {"better": "second"}', None),
            ("The first is better than the second", None),
            ("", None),
        ],
    )
    def test_preferences(self, reply: str, winner: str | None) -> None:
        if winner is None:
            with pytest.raises(UnreadableGradeError):
                read_preference(reply)
        else:
            assert read_preference(reply) == winner


class TestCache:
    def test_the_oldest_go(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rewards.judge.cache.TRIM_EVERY", 10)
        clock = itertools.count()
        monkeypatch.setattr("rewards.judge.cache.time.time", lambda: float(next(clock)))
        cache = VoteCache(tmp_path, limit=5)
        for number in range(20):
            cache.put(f"{number}", {"n": number})
        assert len(cache) == 5
        assert (cache.get("19"), cache.get("14")) == ({"n": 19}, None)
        cache.close()

    def test_a_changed_entry_is_dropped(self, tmp_path: Path) -> None:
        cache = VoteCache(tmp_path)
        cache.put("k", {"reply": "5"})
        cache._connection.execute("UPDATE votes SET value = ?", ('{"reply": "10"}',))
        assert cache.get("k") is None and len(cache) == 0
        cache.close()

    def test_two_share_a_folder(self, tmp_path: Path) -> None:
        one, other = VoteCache(tmp_path), VoteCache(tmp_path)
        one.put("k", {"n": 1})
        other.put("j", {"n": 2})
        assert (other.get("k"), one.get("j")) == ({"n": 1}, {"n": 2})
        one.close()
        other.close()

    @given(st.dictionaries(st.text(max_size=3), st.integers()), st.randoms())
    def test_the_key_does_not_depend_on_the_order(self, parts: dict[str, int], any_: Any) -> None:
        turned = list(parts.items())
        any_.shuffle(turned)
        assert cache_key(parts) == cache_key(dict(turned))
        assert cache_key(parts) != cache_key({**parts, "more": 1})
