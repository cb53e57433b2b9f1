"""One target is resolved, and neither AWS nor the sandbox is ever reached by accident."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.loaders import create_loader

from expressway.aws.role_session import role_session_name
from expressway.aws.session import (
    AwsSession,
    check_region,
    configured_target,
    open_session,
    regions_of,
)
from expressway.aws.transport import share_models
from expressway.core.progress import cancelled_by
from expressway.errors import ExpresswayError, TargetError
from tests.aws.fakes import Answer, refusal, settings_that_answer, xml

SANDBOX = "http://127.0.0.1:4566"


def identity(arn: str) -> Answer:
    return xml(
        "<GetCallerIdentityResponse><GetCallerIdentityResult>"
        f"<Arn>{arn}</Arn><UserId>U</UserId><Account>111122223333</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )


USER = "arn:aws:iam::111122223333:user/someone"
ROLE_SESSION = "arn:aws:sts::111122223333:assumed-role/deployer/someone"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    return tmp_path / "aws-config"


def refused(**arguments: object) -> TargetError:
    with pytest.raises(TargetError) as error:
        open_session(**arguments)  # type: ignore[arg-type]
    assert error.value.message
    assert error.value.hint
    return error.value


def open_aws(answer: Answer, **arguments: object) -> AwsSession:
    return open_session(settings=settings_that_answer({"sts.GetCallerIdentity": answer}), **arguments)  # type: ignore[arg-type]


# -- the sandbox ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.7:4566",
        "http://example.com",
        "http://127.0.0.1.example.com:4566",
        "http://127.0.0.1@example.com",
        "https://cloudformation.us-east-1.amazonaws.com",
        "ftp://127.0.0.1:4566",
        "127.0.0.1:4566",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://[::1",
    ],
)
def test_a_sandbox_that_is_not_on_loopback_is_refused(url: str) -> None:
    assert refused(sandbox_url=url).code == "sandbox_not_loopback"
    assert refused(environ={"EXPRESSWAY_SANDBOX": url}).code == "sandbox_not_loopback"


def test_the_sandbox_is_selected_by_its_variable() -> None:
    session = open_session(environ={"EXPRESSWAY_SANDBOX": SANDBOX + "/", "AWS_REGION": "eu-west-1"})
    assert session.target.is_sandbox
    assert session.target.describe() == "sandbox http://127.0.0.1:4566 (account 000000000000, eu-west-1)"
    assert session.client("ecs").meta.endpoint_url == SANDBOX


def test_no_setting_of_the_users_leads_the_sandboxs_clients_elsewhere(
    monkeypatch: pytest.MonkeyPatch, configuration: Path
) -> None:
    configuration.write_text("[profile mine]\nendpoint_url = http://192.0.2.7\nregion = sa-east-1\n")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", "http://192.0.2.8")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALREALREALREAL")
    session = open_session(sandbox_url=SANDBOX)
    for service in ("ecs", "ecr", "sts", "logs"):
        client = session.client(service)
        assert client.meta.endpoint_url == SANDBOX
        assert client.meta.config.proxies == {}
        assert client.meta.region_name == "us-east-1"


def test_a_profile_together_with_the_sandbox_is_refused() -> None:
    assert refused(profile="production", environ={"EXPRESSWAY_SANDBOX": SANDBOX}).code == "target_conflict"
    assert refused(profile="production", sandbox_url=SANDBOX).code == "target_conflict"


# -- AWS ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDFORMATION"])
def test_an_endpoint_override_in_the_environment_is_refused(name: str) -> None:
    error = refused(environ={name: SANDBOX}, region="us-east-1")
    assert error.code == "endpoint_override"
    assert name in error.message


@pytest.mark.parametrize(
    "text",
    [
        "[default]\nendpoint_url = http://127.0.0.1:4566\n",
        "[default]\nservices = here\n[services here]\ncloudformation =\n  endpoint_url = http://127.0.0.1:4566\n",
    ],
)
def test_an_endpoint_override_in_the_profile_is_refused(text: str, configuration: Path, credentials: None) -> None:
    configuration.write_text(text)
    error = refused(region="us-east-1")
    assert error.code == "endpoint_override"
    assert "http://127.0.0.1:4566" in error.message


def test_the_override_of_another_profile_is_none_of_our_business(configuration: Path, credentials: None) -> None:
    configuration.write_text("[profile other]\nendpoint_url = http://127.0.0.1:4566\n")
    session = open_aws(identity(USER), region="us-east-1")
    assert session.client("ecs").meta.endpoint_url == "https://ecs.us-east-1.amazonaws.com"


def test_missing_credentials_are_named() -> None:
    assert refused(region="us-east-1").code == "credentials_missing"


def test_half_of_the_credentials_are_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    assert refused(region="us-east-1").code == "credentials_missing"


def test_a_missing_region_is_named(credentials: None) -> None:
    assert refused().code == "region_missing"


@pytest.mark.parametrize("region", ["nowhere", "us east 1", "mars-north-1", "bad region!"])
def test_an_unknown_region_is_refused_on_the_sandbox_too(region: str) -> None:
    assert refused(sandbox_url=SANDBOX, region=region).code == "region_unknown"
    assert refused(sandbox_url=SANDBOX, environ={"AWS_REGION": region}).code == "region_unknown"


@pytest.mark.parametrize("region", ["nowhere", "us east 1", "mars-north-1"])
def test_an_unknown_region_is_refused_before_any_call(region: str, credentials: None) -> None:
    assert refused(region=region).code == "region_unknown"


def test_a_missing_profile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(profile="nobody", region="us-east-1")
    assert error.code == "profile_missing"
    assert "nobody" in error.message
    monkeypatch.setenv("AWS_PROFILE", "nobody-else")
    assert refused(region="us-east-1").code == "profile_missing"


def test_a_damaged_configuration_file_is_named(configuration: Path, credentials: None) -> None:
    configuration.write_text("region = us-east-1 without a section\n")
    assert refused(region="us-east-1").code == "configuration_invalid"


def test_a_profile_gives_region_and_credentials(configuration: Path) -> None:
    configuration.write_text(
        "[profile shop]\nregion = eu-central-1\naws_access_key_id = AKIDSHOP\naws_secret_access_key = secret\n"
    )
    sent: list[AWSPreparedRequest] = []
    settings = settings_that_answer({"sts.GetCallerIdentity": identity(USER)}, sent)
    session = open_session(profile="shop", settings=settings)
    assert session.target.region == "eu-central-1"
    assert "AKIDSHOP" in str(sent[0].headers["Authorization"])


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("ExpiredToken", "credentials_expired"),
        ("InvalidClientTokenId", "credentials_invalid"),
        ("AccessDenied", "access_denied"),
    ],
)
def test_what_sts_refuses_is_told_apart(code: str, ours: str, credentials: None) -> None:
    with pytest.raises(TargetError) as error:
        open_aws(refusal(code, "The security token included in the request is no good"), region="us-east-1")
    assert error.value.code == ours
    assert error.value.details == {"aws_error_code": code}


def test_the_target_names_account_region_partition_and_caller(credentials: None) -> None:
    target = open_aws(identity(ROLE_SESSION), region="us-gov-west-1").target
    assert (target.account_id, target.region, target.partition) == ("111122223333", "us-gov-west-1", "aws-us-gov")
    assert target.caller_arn == ROLE_SESSION
    assert not target.is_sandbox
    assert target.describe() == "AWS account 111122223333, us-gov-west-1"


def test_an_assumed_role_acts_with_its_own_credentials_on_the_same_target(credentials: None) -> None:
    assumed = xml(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
        "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    sent: list[AWSPreparedRequest] = []
    answers = {"sts.GetCallerIdentity": identity(USER), "sts.AssumeRole": assumed}
    session = open_session(region="us-east-1", settings=settings_that_answer(answers, sent))
    role = session.assume_role("arn:aws:iam::111122223333:role/shop-ecr-push-pull-role", "expressway")
    role.client("sts").get_caller_identity()
    assert role.target == session.target
    assert "ASIAROLE" in str(sent[-1].headers["Authorization"])


def test_a_role_that_may_not_be_assumed_is_named(credentials: None) -> None:
    answers = {"sts.GetCallerIdentity": identity(USER), "sts.AssumeRole": refusal("AccessDenied", "no")}
    session = open_session(region="us-east-1", settings=settings_that_answer(answers))
    with pytest.raises(TargetError) as error:
        session.assume_role("arn:aws:iam::111122223333:role/other", "expressway")
    assert error.value.code == "access_denied"
    assert "role/other" in error.value.message


def test_a_client_is_made_once_for_each_service_and_region() -> None:
    session = open_session(sandbox_url=SANDBOX)
    assert session.client("ecr") is session.client("ecr")
    assert session.client("ecr", region="eu-west-1") is not session.client("ecr")
    assert session.client("ecr", region="eu-west-1").meta.region_name == "eu-west-1"


# -- who acts -------------------------------------------------------------------------------------------------
ROLE_PROFILE = "[profile deployer]\nrole_arn = arn:aws:iam::111122223333:role/deployer\nsource_profile = base\n"
ASSUMED = xml(
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIDEXAMPLE</AccessKeyId>"
    "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
    "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


def session_names(profile_text: str, configuration: Path, environ: dict[str, str]) -> list[str]:
    """The role session names that STS is asked for when the profile `deployer` is opened."""
    source = "[profile base]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n"
    configuration.write_text(profile_text + source)
    sent: list[AWSPreparedRequest] = []
    answers = {"sts.AssumeRole": ASSUMED, "sts.GetCallerIdentity": identity(ROLE_SESSION)}
    session = open_session(
        profile="deployer", region="us-east-1", environ=environ, settings=settings_that_answer(answers, sent)
    )
    session.assume_role("arn:aws:iam::111122223333:role/push", "expressway-shop")
    bodies = [parse_qs(request.body.decode() if isinstance(request.body, bytes) else request.body) for request in sent]
    return [body["RoleSessionName"][0] for body in bodies if "RoleSessionName" in body]


def test_an_assumed_role_tells_who_the_caller_is(configuration: Path) -> None:
    names = session_names(ROLE_PROFILE, configuration, {"EXPRESSWAY_CALLER": "release bot"})
    assert names == ["expressway-release-bot", "expressway-shop-someone"]


def test_a_session_name_that_the_profile_gives_is_kept(configuration: Path) -> None:
    text = ROLE_PROFILE.replace("source_profile", "role_session_name = given\nsource_profile")
    assert session_names(text, configuration, {"EXPRESSWAY_CALLER": "release bot"})[0] == "given"


WEB_ROLE = "arn:aws:iam::111122223333:role/pipeline"


def web_identity_session_names(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The session names asked for with a role of the environment and no profile."""
    token = configuration.with_name("token")
    token.write_text("a token")
    monkeypatch.setenv("AWS_ROLE_ARN", WEB_ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    sent: list[AWSPreparedRequest] = []
    kind = "AssumeRoleWithWebIdentity"
    credentials = (
        "<Credentials><AccessKeyId>ASIDEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
        "<SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    )
    answers = {
        f"sts.{kind}": xml(f"<{kind}Response><{kind}Result>{credentials}</{kind}Result></{kind}Response>"),
        "sts.GetCallerIdentity": identity(ROLE_SESSION),
    }
    environ = {"EXPRESSWAY_CALLER": "release bot"}
    open_session(region="us-east-1", environ=environ, settings=settings_that_answer(answers, sent))
    bodies = [parse_qs(request.body.decode() if isinstance(request.body, bytes) else request.body) for request in sent]
    return [body["RoleSessionName"][0] for body in bodies if "RoleSessionName" in body]


@pytest.mark.parametrize("text", ["", "[default]\nregion = eu-west-1\n"])
def test_a_role_of_the_environment_tells_who_the_caller_is(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    configuration.write_text(text)
    assert web_identity_session_names(configuration, monkeypatch) == ["expressway-release-bot"]


def test_a_session_name_that_the_environment_gives_is_kept(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "given")
    assert web_identity_session_names(configuration, monkeypatch) == ["given"]


@pytest.mark.parametrize("parts", [("",), ("expressway", "ä b/c"), ("x" * 90, "y")])
def test_session_names_are_as_sts_takes_them(parts: tuple[str, ...]) -> None:
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", role_session_name(*parts), re.ASCII)


def test_the_configured_target_is_told_without_asking_anybody(configuration: Path) -> None:
    configuration.write_text("[default]\nregion = eu-west-1\n[profile stage]\nregion = eu-north-1\n")
    assert configured_target(None, {}) == ("default", "eu-west-1")
    assert configured_target("stage", {}) == ("stage", "eu-north-1")
    assert configured_target(None, {"AWS_REGION": "us-west-2"}) == ("default", "us-west-2")


def test_regions_are_those_of_the_partition() -> None:
    assert {"eu-west-1", "us-east-1"} <= set(regions_of("aws"))
    assert all(name.startswith("cn-") for name in regions_of("aws-cn"))


def test_the_region_of_the_environment_counts_for_aws_too(configuration: Path, credentials: None) -> None:
    configuration.write_text("[default]\nregion = eu-west-1\n")
    assert open_aws(identity(USER), environ={"AWS_REGION": "us-west-2"}).target.region == "us-west-2"
    assert open_aws(identity(USER), environ={}).target.region == "eu-west-1"
    assert (
        open_aws(identity(USER), region="sa-east-1", environ={"AWS_REGION": "us-west-2"}).target.region == "sa-east-1"
    )


# -- mistyped regions, and how to sign in --------------------------------------------------------------------------
REGIONS = regions_of("aws")


def _typing_errors(region: str) -> Iterator[str]:
    """Two neighbours swapped, one character left out, one doubled, capitals: of the words, not of the number."""
    for place in range(len(region) - 3):
        yield region[:place] + region[place + 1] + region[place] + region[place + 2 :]
        yield region[:place] + region[place + 1 :]
        yield region[: place + 1] + region[place:]
    yield region.upper()
    yield region.replace("-", "_")


def test_a_mistyped_region_is_told_with_a_nearest_one_that_exists(credentials: None) -> None:
    told = 0
    for region in REGIONS:
        for typed in {*_typing_errors(region)} - {*REGIONS}:
            with pytest.raises(TargetError) as error:
                check_region(typed)
            assert error.value.code == "region_unknown"
            nearest = error.value.details["nearest"]
            assert nearest in error.value.hint
            assert nearest in REGIONS or not nearest.startswith(("us-e", "us-w", "eu-", "ap-"))
            told += nearest == region
    assert told > 0.8 * sum(len({*_typing_errors(region)} - {*REGIONS}) for region in REGIONS)


def test_the_region_of_the_environment_is_checked_before_any_call(credentials: None) -> None:
    sent: list[AWSPreparedRequest] = []
    with pytest.raises(TargetError) as error:
        open_session(environ={"AWS_REGION": "eu-wset-1"}, settings=settings_that_answer({}, sent))
    assert error.value.code == "region_unknown"
    assert error.value.details == {"nearest": "eu-west-1"}
    assert sent == []


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_region_of_the_sdk_is_known(partition: str) -> None:
    for region in regions_of(partition):
        check_region(region)


@pytest.mark.parametrize(("chosen", "named"), [("shop", "shop"), ("my shop", "'my shop'")])
def test_who_has_to_sign_in_again_is_told_for_which_profile(chosen: str, named: str, configuration: Path) -> None:
    configuration.write_text(
        f"[profile {chosen!r}]\nregion = eu-west-1\nsso_start_url = https://example.test/start\n"
        "sso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = deployer\n"
    )
    error = refused(profile=chosen)
    assert error.code == "credentials_expired"
    assert f"aws sso login --profile {named}" in error.hint
    assert f"aws login --profile {named}" in error.hint
    assert "login --profile" not in refused(region="us-east-1").hint


def test_nothing_more_is_asked_of_aws_once_nobody_wants_it(credentials: None) -> None:
    class Cancelled:
        def raise_if_cancelled(self) -> None:
            raise ExpresswayError("cancelled", "The client cancelled the request.")

    sent: list[AWSPreparedRequest] = []
    session = open_session(
        region="us-east-1", settings=settings_that_answer({"sts.GetCallerIdentity": identity(ROLE_SESSION)}, sent)
    )
    sent.clear()
    clients = (session.client("ecs"), session.for_questions().client("ecs"))
    for client in clients:
        with cancelled_by(Cancelled()), pytest.raises(ExpresswayError) as error:
            client.list_clusters()
        assert error.value.code == "cancelled"
    assert sent == []


def test_sessions_share_the_models_that_were_parsed() -> None:
    first, second = (open_session(sandbox_url=f"http://127.0.0.1:{port}") for port in (1, 2))
    one, other = (session.client("ecs").meta.service_model for session in (first, second))
    assert one._service_description is other._service_description


def test_a_loader_that_is_shared_searches_no_more_folders_with_each_session() -> None:
    open_session(sandbox_url=SANDBOX)
    core = botocore.session.Session()
    share_models(core)
    folders = core.get_component("data_loader").search_paths
    open_session(sandbox_url=SANDBOX)
    assert core.get_component("data_loader").search_paths == folders == create_loader().search_paths


def test_models_of_the_users_own_folder_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path / "models"))
    core = botocore.session.Session()
    share_models(core)
    assert str(tmp_path / "models") in core.get_component("data_loader").search_paths
