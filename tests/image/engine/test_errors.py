"""What engines and registries say, word for word, and the errors made of it."""

import pytest

from expressway.image.engine.errors import BuildFailure, build_error, engine_error, push_error

RUN = "Step 2/3 : RUN false"
FROM = "Step 1/3 : FROM nosuch/image:1"


@pytest.mark.parametrize(
    ("message", "step", "code"),
    [
        ("The command '/bin/sh -c exit 3' returned a non-zero code: 3", RUN, "build_failed"),
        ("executor failed running [/bin/sh -c exit 3]: exit code: 3", "[2/3] RUN exit 3", "build_failed"),
        ("COPY failed: file not found in build context or excluded by .dockerignore: stat x", RUN, "build_failed"),
        ('failed to compute cache key: "/nofile" not found: not found', "[2/2] COPY nofile /x", "build_failed"),
        ("manifest for nosuch/image:1 not found: manifest unknown: manifest unknown", FROM, "base_image_unavailable"),
        ("pull access denied for nosuch/image, repository does not exist", FROM, "base_image_unavailable"),
        (
            'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry: no such host',
            FROM,
            "base_image_unavailable",
        ),
        (
            'failed to do request: Head "https://registry/v2/x/manifests/1": dial tcp: lookup registry: no such host',
            "[internal] load metadata for docker.io/nosuch/image:1",
            "base_image_unavailable",
        ),
        ("write /layer.tar: no space left on device", RUN, "disk_full"),
        ("failed to register layer: Error processing tar file: no space left on device", FROM, "disk_full"),
        ("dial tcp: lookup index.example: no such host", RUN, "build_failed"),
    ],
)
def test_a_failed_build_is_told_by_its_cause(message: str, step: str, code: str) -> None:
    error = build_error(BuildFailure(message, step, ("line one", "the real reason")))
    assert error.code == code
    assert error.details["step"] == step
    assert error.details["output"] == ["line one", "the real reason"]
    assert error.hint


def test_the_failing_step_its_exit_code_and_its_last_words_are_told() -> None:
    message = "The command '/bin/sh -c pip install x' returned a non-zero code: 7"
    error = build_error(BuildFailure(message, "Step 2/3 : RUN pip install x", ("a", "\x1b[91mERROR: no x\x1b[0m")))
    assert error.details["exit_code"] == 7
    assert "RUN pip install x" in error.message
    assert "exit code 7" in error.message
    assert "ERROR: no x" in error.message


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("denied: Your authorization token has expired. Reauthenticate and try again.", "login_expired"),
        ("tag invalid: The image tag 'v1' already exists in the 'r' repository and cannot be overwritten because the "
         "tag is immutable.", "tag_immutable"),
        ("tag invalid: tag 'v1' is immutable", "tag_immutable"),
        ("denied: User: arn:aws:iam::111122223333:user/x is not authorized to perform: ecr:PutImage", "push_denied"),
        ("no basic auth credentials", "push_denied"),
        ("name unknown: The repository with name 'r' does not exist in the registry with id '111122223333'",
         "repository_missing"),
        ("write tcp 10.0.0.1:1->10.0.0.2:443: write: connection reset by peer", "push_interrupted"),
        ("unexpected EOF", "push_interrupted"),
        ("net/http: TLS handshake timeout", "push_interrupted"),
        ("toomanyrequests: Rate exceeded", "push_interrupted"),
        ("received unexpected HTTP status: 503 Service Unavailable", "push_interrupted"),
        ('Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', "push_interrupted"),
        ("write /var/lib/docker/tmp: no space left on device", "disk_full"),
        ("manifest invalid: something new", "push_failed"),
    ],
)  # fmt: skip
def test_a_failed_push_is_told_by_its_cause(message: str, code: str) -> None:
    error = push_error(message, "registry/r:v1")
    assert error.code == code
    assert "registry/r:v1" in error.message or code == "disk_full"
    assert error.hint


def test_an_engine_that_goes_away_and_one_that_refuses_are_told_apart() -> None:
    class Refusal(Exception):
        status_code = 409
        explanation = "conflict"

    assert engine_error(ConnectionError("reset"), "build").code == "engine_unreachable"
    assert engine_error(Refusal(), "build").code == "engine_refused"
    assert engine_error(OSError("no space left on device"), "build").code == "disk_full"
