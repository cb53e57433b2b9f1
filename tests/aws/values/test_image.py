"""Image references are read without guessing, and only what an engine would take is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.aws.values.image import parse_image_reference
from expressway.aws.values.target import Target
from expressway.errors import DefinitionError

DIGEST = "sha256:" + "0123456789abcdef" * 4
WORD = st.from_regex(r"[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,8})?", fullmatch=True)
HOSTS = st.sampled_from(
    [
        "docker.io",
        "localhost",
        "localhost:5000",
        "127.0.0.1:4566",
        "ghcr.io",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    ]
)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(HOSTS, st.lists(WORD, min_size=2, max_size=4), TAGS, st.booleans())
def test_a_full_reference_is_read_into_its_parts_and_back(host: str, path: list[str], tag: str, pinned: bool) -> None:
    name = f"{host}/{'/'.join(path)}"
    text = f"{name}:{tag}@{DIGEST}" if pinned else f"{name}:{tag}"
    reference = parse_image_reference(text)
    assert (reference.registry, reference.repository, reference.tag) == (host, "/".join(path), tag)
    assert reference.uri == (f"{name}@{DIGEST}" if pinned else text)
    assert parse_image_reference(reference.uri).uri == reference.uri


@given(st.text(max_size=40))
def test_any_text_is_either_a_reference_or_refused(text: str) -> None:
    try:
        reference = parse_image_reference(text)
    except DefinitionError:
        return  # and no other error
    assert parse_image_reference(reference.uri).uri == reference.uri
    assert not any(letter.isspace() for letter in reference.uri)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("team/web", "docker.io/team/web:latest"),
        ("localhost:5000/web", "localhost:5000/web:latest"),
        ("public.ecr.aws/docker/library/python:3.13-slim", "public.ecr.aws/docker/library/python:3.13-slim"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
    ],
)
def test_what_is_left_out_is_filled_in_as_engines_do(text: str, uri: str) -> None:
    assert parse_image_reference(text).uri == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "UPPER/case",
        "web:",
        "web@",
        "web@sha256:abc",
        f"web@{DIGEST}@{DIGEST}",
        "web:tag:tag",
        "web:-dash",
        "web\n:tag",
        f"web@{DIGEST[:-1]}\n",
        "a//b",
        "/web",
        "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/web",
        "web:" + "t" * 129,
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        parse_image_reference(text)
    assert refused.value.code == "invalid_image_reference"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("111122223333.dkr-ecr.us-east-1.on.aws", "us-east-1"),
    ],
)
def test_a_private_registry_names_its_own_account_and_region(host: str, region: str) -> None:
    reference = parse_image_reference(f"{host}/team/web/api:v1")
    assert reference.is_private_ecr
    assert (reference.account_id, reference.region, reference.repository) == ("111122223333", region, "team/web/api")


@pytest.mark.parametrize(
    "host",
    [
        "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.example.org",
        "111122223333-dkr.ecr.eu-west-1.amazonaws.com",
        "public.ecr.aws",
    ],
)
def test_other_registries_are_not_taken_for_private_ones(host: str) -> None:
    reference = parse_image_reference(f"{host}/team/web")
    assert not reference.is_private_ecr
    assert reference.is_public_ecr == (host == "public.ecr.aws")


def test_pinning_keeps_the_repository_and_prefers_the_digest() -> None:
    pinned = parse_image_reference("ghcr.io/team/web:v1").with_digest(DIGEST)
    assert (pinned.tag, pinned.uri) == ("v1", f"ghcr.io/team/web@{DIGEST}")


@pytest.mark.parametrize(
    ("partition", "region"),
    [
        ("aws", "us-east-1"),
        ("aws-cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-eusc", "eusc-de-east-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-iso-f", "us-isof-south-1"),
    ],
)
def test_the_registry_of_a_target_is_recognised_in_every_partition(partition: str, region: str) -> None:
    host = Target("111122223333", region, partition).registry_host
    reference = parse_image_reference(f"{host}/hello-repo:v1")
    assert (reference.account_id, reference.region) == ("111122223333", region)
