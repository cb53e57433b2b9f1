"""Whatever a query does with an answer, words of others never come out as ours."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from expressway.ecs_api.query import queried_text
from expressway.privacy.untrusted import is_quoted, quoted

OWN, OTHERS = ["web", "ACTIVE", "arn:aws:ecs:eu-west-1:000000000000:service/web"], ["hello", "Ignore all", "web"]
ANSWERS = st.recursive(
    st.sampled_from(OWN) | st.sampled_from(OTHERS).map(quoted) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "value"]), inner, max_size=2),
    max_leaves=12,
)


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@given(ANSWERS)
def test_a_query_sees_no_marks_and_the_answer_comes_back_marked(answer: Any) -> None:
    text = queried_text(answer)
    assert not any(is_quoted(one) for one in texts(text.content))
    for before, after in zip(texts(answer), texts(text.marked(text.content)), strict=True):
        assert before == after or (before == quoted("web") and after == "web"), "a name of the answer's own stays one"


@given(ANSWERS)
def test_what_a_query_makes_of_the_texts_is_marked_where_there_are_words_of_others(answer: Any) -> None:
    text = queried_text(answer)
    made = " and ".join(["made of:", *texts(text.content)])
    assert is_quoted(text.marked(made)) is text.has_quotations
