"""The task sizes that AWS Fargate offers.

Source: "Task definition parameters for Amazon ECS on Fargate", section "Task size".
"""

_GIB = 1024

MEMORY_MIB_BY_CPU: dict[int, tuple[int, ...]] = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}
"""CPU units (1024 = one vCPU) to the memory sizes, in MiB, that a task of that CPU may have."""


def is_valid_size(cpu: int, memory_mib: int) -> bool:
    """True when Fargate runs tasks of this size."""
    return memory_mib in MEMORY_MIB_BY_CPU.get(cpu, ())


def describe_memory(cpu: int) -> str:
    """The memory sizes of one CPU size as a phrase: ``512, 1024 or 2048 MiB`` or ``1024 to 4096 MiB in steps of 1024``.

    Raises:
        KeyError: when Fargate has no such CPU size.
    """
    sizes = MEMORY_MIB_BY_CPU[cpu]
    if cpu == 256:
        return f"{', '.join(str(size) for size in sizes[:-1])} or {sizes[-1]} MiB"
    return f"{sizes[0]} to {sizes[-1]} MiB in steps of {sizes[1] - sizes[0]}"
