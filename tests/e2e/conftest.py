"""What the tests share that deploy from within their own process."""

from collections.abc import Iterator

import pytest

from expressway.synth.synthesizer import Synthesizer
from tests.e2e.loaded_tools import LoadedTools


@pytest.fixture(scope="session")
def tools() -> Iterator[LoadedTools]:
    """The CDK kernel and the linters, loaded."""
    with Synthesizer() as synthesizer:
        yield LoadedTools(synthesizer)
