"""Two threads that talk in turns are held on one processor while they do, and set free again."""

import os
import subprocess
import sys

import pytest

from expressway.adapters.one_processor import child_processes, on_one_processor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processors are chosen on Linux only")


def test_both_are_on_one_processor_meanwhile_and_free_afterwards() -> None:
    before = os.sched_getaffinity(0)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as partner:
        assert partner.pid in child_processes()
        with on_one_processor([partner.pid]):
            assert len(os.sched_getaffinity(0)) == 1
            assert os.sched_getaffinity(partner.pid) == os.sched_getaffinity(0)
        assert os.sched_getaffinity(partner.pid) == before
    assert os.sched_getaffinity(0) == before


def test_an_error_inside_sets_them_free_too() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(ValueError, match="inside"), on_one_processor([]):
        raise ValueError("inside")
    assert os.sched_getaffinity(0) == before


def test_a_partner_that_is_gone_holds_nothing_up() -> None:
    before = os.sched_getaffinity(0)
    with subprocess.Popen(["true"]) as partner:
        partner.wait()
    with on_one_processor([partner.pid]):
        pass
    assert os.sched_getaffinity(0) == before
