"""A text that is cut keeps no half of a word, so none of a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.core.text import shortened
from expressway.privacy.masking.detector import masked
from tests.secret_samples import KINDS, SecretSource

SHORTEST_TELLING = 8


def test_a_text_that_fits_stays_and_a_longer_one_ends_with_a_whole_word() -> None:
    assert shortened("one two", 7) == "one two"
    assert shortened("one two three", 7) == "one two…"
    assert shortened("one two three", 9) == "one two …"
    assert shortened('{"a":"b","cdefgh":1}', 12) == '{"a":"b","…'
    assert shortened("x" * 30, 10) == "…"


@given(st.text(), st.integers(0, 40))
def test_it_is_never_longer_than_asked_for_and_always_how_the_text_begins(text: str, most: int) -> None:
    cut = shortened(text, most)
    assert cut == text or (len(cut) <= most + 1 and text.startswith(cut[:-1]) and cut[-1] == "…")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", ["{}", "cannot start: {} and so on", '{{"message": "{}"}}', "[{}]"])
def test_wherever_a_text_is_cut_what_is_masked_afterwards_holds_no_half_of_a_secret(kind: str, words: str) -> None:
    told, secret = SecretSource(5).of_kind(kind)
    text = words.format(told)
    part = secret[:SHORTEST_TELLING]
    if part in words.format(told.replace(secret, "")):
        part = secret[-SHORTEST_TELLING:]
    assert [most for most in range(len(text)) if part in masked(shortened(text, most))] == []
