"""A program that misses what was kept out of its image says so in many ways; one that misses something else not."""

from dataclasses import replace

import pytest

from expressway.diagnose.exits.rules import with_missing_files
from expressway.diagnose.finding import Finding
from expressway.errors import ImageError
from expressway.image.context.excluded import ExcludedFiles, with_excluded_files
from expressway.image.context.values import BuildContext

EXCLUDED = ExcludedFiles(
    ("src/credentials/", "certs/ca.pem", ".env.production", "config/service-account.json", "deploy/id_rsa", ".aws/")
)


@pytest.mark.parametrize(
    ("line", "missed"),
    [
        ("ModuleNotFoundError: No module named 'credentials'", "src/credentials/"),
        ("ModuleNotFoundError: No module named 'src.credentials.store'", "src/credentials/"),
        ("Error: Cannot find module './credentials/store'", "src/credentials/"),
        ("Error: Cannot find module '/app/src/credentials/index.js'", "src/credentials/"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/app/certs/ca.pem'", "certs/ca.pem"),
        ("Error: ENOENT: no such file or directory, open 'ca.pem'", "certs/ca.pem"),
        ("panic: open certs/ca.pem: no such file or directory", "certs/ca.pem"),
        ("SSL error: unable to load ca.pem", "certs/ca.pem"),
        ("Error: ENOENT: no such file or directory, open '/app/.env.production'", ".env.production"),
        ("The file config/service-account.json does not exist.", "config/service-account.json"),
        ('Load key "/root/deploy/id_rsa": No such file or directory', "deploy/id_rsa"),
        ("Module not found: Can't resolve '../config/service-account' in '/app/src'", "config/service-account.json"),
    ],
)
def test_what_a_program_misses_is_known_as_kept_out(line: str, missed: str) -> None:
    told = with_missing_files(
        Finding("container_exited", "critical", "The container ended.", (line,), "Run it."), EXCLUDED
    )
    assert told.code == "excluded_file_missing"
    assert missed in told.sentence
    assert "The container ended." in told.sentence
    assert f"!{missed.rstrip('/')}" in told.remedy
    assert ".dockerignore" in told.remedy


@pytest.mark.parametrize(
    "line",
    [
        "ModuleNotFoundError: No module named 'flask'",
        "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
        "loaded certs/ca.pem",
        "/root/.aws/credentials: no such file or directory",
        "FileNotFoundError: [Errno 2] No such file or directory: '/app/ca.pem.txt'",
        "Error: invalid credentials",
        "No such file or directory: '/app/data/db.sqlite'",
        "",
        "a" * 100_000,
    ],
)
def test_another_failure_stays_as_it_is(line: str) -> None:
    cause = Finding("container_exited", "critical", "The container ended.", (line,), "Run it.")
    assert with_missing_files(cause, EXCLUDED) is cause
    assert with_missing_files(cause, ExcludedFiles()) is cause


@pytest.mark.parametrize("code", ["out_of_memory", "container_killed", "container_terminated"])
def test_an_end_that_no_missing_file_explains_stays_as_it_is(code: str) -> None:
    line = "warning: .env.production: no such file, using defaults"
    finding = Finding(code, "critical", "The container ended.", (line,))
    assert with_missing_files(finding, EXCLUDED) is finding
    assert with_missing_files(replace(finding, code="container_exited"), EXCLUDED).code != "container_exited"


def test_a_step_of_the_build_that_misses_it_is_told_as_well() -> None:
    context = BuildContext("/srv/app", "Dockerfile", "", (), EXCLUDED.paths)
    output = ["running collectstatic", "ModuleNotFoundError: No module named 'credentials'"]
    error = ImageError(
        "build_failed", "It failed.", "Look.", {"step": "RUN ./manage.py collectstatic", "output": output}
    )
    told = with_excluded_files(error, context)
    assert told.details["excluded_but_missed"] == ["src/credentials/"]
    assert "!src/credentials" in told.hint
