"""The CDK runs inside the test process here, as in the tests of the constructs."""

from tests.expressway_constructs.conftest import app, stack, synth

__all__ = ["app", "stack", "synth"]
