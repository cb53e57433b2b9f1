"""The regions that the SDK knows: those of a partition, and what a mistyped one was probably meant to be."""

import difflib
from functools import cache

import boto3

from expressway.errors import TargetError
from expressway.hints import REGION

_ALIKE = 0.6
"""How similar a name has to be to be proposed, of 1; difflib's own default."""


def regions_of(partition: str) -> tuple[str, ...]:
    """The names of a partition's regions where Amazon ECS is, sorted."""
    return tuple(sorted(boto3.Session().get_available_regions("ecs", partition_name=partition)))


def check_region(region: str) -> None:
    """Refuse the name of a region that the SDK does not know, before anything is asked at an address made of it.

    Raises:
        TargetError: ``region_unknown``, with the known region whose name is the nearest.
    """
    known = _every_region()
    if region in known:
        return
    nearest = difflib.get_close_matches(region.lower().strip(), known, n=1, cutoff=_ALIKE)
    meant = f"The nearest name is {nearest[0]}: correct" if nearest else "Regions are named like eu-west-1: correct"
    raise TargetError(
        "region_unknown",
        f"Expected the name of an AWS region, got {region[:40]!r}, which boto3 {boto3.__version__} does not know.",
        f"{meant} {REGION}, AWS_REGION or the profile's region. A region that is newer than boto3 needs a newer boto3.",
        {"nearest": nearest[0]} if nearest else None,
    )


@cache
def _every_region() -> tuple[str, ...]:
    session = boto3.Session()
    partitions = session.get_available_partitions()
    return tuple(sorted({name for one in partitions for name in session.get_available_regions("ecs", one)}))
