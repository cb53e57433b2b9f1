"""The memory of containers, as the engine is told it."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway_sandbox.ecs.runtime import memory_options

Definition = Mapping[str, Any]


@pytest.mark.parametrize(
    ("container", "task", "overrides", "expected"),
    [
        pytest.param({}, {}, {}, {}, id="nothing is told"),
        pytest.param({}, {"memory": "512"}, {}, {"mem_limit": "512m", "memswap_limit": "512m"}, id="the task's size"),
        pytest.param(
            {"memory": 64}, {"memory": "512"}, {}, {"mem_limit": "64m", "memswap_limit": "64m"}, id="a hard limit"
        ),
        pytest.param({"memory": 64}, {}, {}, {"mem_limit": "64m", "memswap_limit": "64m"}, id="no size of the task"),
        pytest.param({"memoryReservation": 128}, {}, {}, {"mem_reservation": "128m"}, id="a soft limit alone"),
        pytest.param(
            {"memoryReservation": 128},
            {"memory": "0.5 GB"},
            {},
            {"mem_limit": "512m", "memswap_limit": "512m", "mem_reservation": "128m"},
            id="a soft limit below the task's size, told in gigabytes",
        ),
        pytest.param(
            {"memory": 64},
            {"memory": "512"},
            {"containerOverrides": [{"name": "other", "memory": 8}, {"name": "main", "memory": 96}]},
            {"mem_limit": "96m", "memswap_limit": "96m"},
            id="an override of the container",
        ),
        pytest.param(
            {}, {"memory": "512"}, {"memory": "1GB"}, {"mem_limit": "1024m", "memswap_limit": "1024m"}, id="of the task"
        ),
    ],
)
def test_a_container_has_the_memory_that_its_definition_says(
    container: Definition, task: Definition, overrides: Definition, expected: Mapping[str, str]
) -> None:
    assert memory_options({"name": "main", **container}, task, overrides) == expected


_SIZES = st.integers(min_value=6, max_value=120 * 1024)


@given(hard=st.none() | _SIZES, soft=st.none() | _SIZES, whole=_SIZES)
def test_no_container_has_more_than_its_task_and_none_reserves_more_than_it_has(
    hard: int | None, soft: int | None, whole: int
) -> None:
    options = memory_options({"name": "main", "memory": hard, "memoryReservation": soft}, {"memory": str(whole)}, {})
    limit = int(options["mem_limit"].removesuffix("m"))
    assert limit <= whole
    assert options["memswap_limit"] == options["mem_limit"]
    assert int(options.get("mem_reservation", "0m").removesuffix("m")) <= limit
