"""Values of known secret kinds are masked; identifiers and ordinary text stay to the letter."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.privacy.masking import detector
from expressway.privacy.masking.detector import Masker, foreign_patterns, masked, masked_lines, masked_value
from expressway.privacy.masking.patterns import FOREIGN_KINDS, MASK, may_hold_foreign_kinds
from tests.privacy.aws_shapes import IDENTIFIERS
from tests.secret_samples import KINDS, SecretSource

ACCOUNT = "0" * 12
HARMLESS = (
    *IDENTIFIERS,
    f"arn:aws:sns:us-east-1:{ACCOUNT}:a-topic-with-a-name-of-more-than-thirty-five-characters",
    f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_PowerUser_0123456789abcdef",
    f"arn:aws:ecs:us-east-1:{ACCOUNT}:service-revision/default/shop/1234567890123456789",
    f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/ecs-gateway-tg-0123456789abcdef0/0123456789abcdef",
    f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/shop-express-service/01234567-89ab-cdef-0123-456789abcdef",
    f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef",
    f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/shop/password",
    f"The execution role may not read the secret arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-AbCdEf: denied.",
    "AccessDenied: secretsmanager on secret prod/db1",
    "KeyError: 'SECRET_TOKEN'",
    "ValueError: password must have 8 characters",
    "Error: password: required",
    "token: invalid",
    "Invalid token: expected 'x', got 'y'",
    "max_tokens=4096 temperature=0.7",
    "POST /oauth/token 401 in 12 ms",
    "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity",
    "GET http://user@example.com/x",
    "see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar.html",
    "[2026-01-01 12:00:00 +0000] [7] [INFO] Listening at: http://127.0.0.1:8000 (7)",
    "2026-01-01T12:00:00.123Z INFO key=value request_id=01234567-89ab-cdef-0123-456789abcdef",
    "APBackendService CREATE_FAILED: see APACHEHTTPD and APDEXSCORE12",
    "commit 0123456789abcdef0123456789abcdef01234567",
    "MyLoadBalancer-1234567890.eu-west-1.elb.amazonaws.com",
    "Nm1234567890abcdef1234.ecs.eu-west-1.on.aws",
    "secret=${DATABASE_SECRET} token=<your token> password=***",
    "token=null password= secret=''",
    "The stack shop-express-service ended in UPDATE_ROLLBACK_COMPLETE.",
    "taskDefinition family:secret-keeper:12",
    "1700000000:done",
    "sha512-" + "Ab3" * 20,
    "/ecs/token-service/password-reset",
    "http://localhost:5173/@vite/client",
    "http://localhost:4873/@scope/pkg",
    "https://packages.example.com/@scope/pkg/-/pkg-1.0.0.tgz",
    f"docker://reg.example.com:5000/app@sha256:{'0a' * 32}",
    "GET http://h:8080/p?email=a@b.c",
    "GET http://h:8080/p?next=https://other:8443/@x",
    "invalid token: unexpected1 end",
    "arn:aws:s3:::bucket/key=token=abc",
    "Unexpected token: ' at position 3",
    "docker run -u 1000:1000 web",
    "git@github.com:org/repo.git",
    "nextToken: abcdefgh12345678",
    "secret: arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf",
    f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-AbCdEf:password::",
    f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-AbCdEf:password:AWSCURRENT:",
    "db-AbCdEf:password:AWSCURRENT:",
    "task definition reset-password:12 of family:password:3",
    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/password:2026.1-abcdef12",
    "pulling token:1.2.3-alpine3.19, reset-password:latest and db-password:1.2.3-bookworm",
    "auth-token:9f8e7d6c5b4a39281706 secret:db-AbCdEf credentials:prod-01-eu",
    "scopes user.password:read, password:reset and password:update_any",
    "https://example.com/password:reset?next=/a:b",
    "GET /api/password:verify 200",
    "12:30:01 password:reset done at 12:30:02",
    "pwd:/srv/app",
    "api-key:rotation access_key:expired password:required password:${DB} password:***",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_a_known_kind_is_masked_wherever_it_stands(kind: str) -> None:
    for seed in range(25):
        text, secret = SecretSource(seed).of_kind(kind)
        for around in ("{}", "2026-01-01 ERROR {}", "Error: {} (Service: x)", 'said "{}" twice', "[{}]", "({})"):
            shown = masked(around.format(text))
            assert secret not in shown, around
            assert MASK in shown


@pytest.mark.parametrize("text", HARMLESS)
def test_identifiers_and_plain_words_stay_to_the_letter(text: str) -> None:
    assert masked(text) == text
    assert masked(f"Error: {text} was not found.") == f"Error: {text} was not found."
    assert masked_lines((text,)) == (text,)


_TELLS = ("{}: {}", "{}={}", '"{}": "{}"', "({}: {}, HandlerErrorCode: InvalidRequest)", "Error: x ({}: {})")
_NO_SECRETS = (
    *("RequestToken", "ClientRequestToken", "ClientToken", "clientToken", "NextToken", "nextToken", "next_token"),
    *("ContinuationToken", "PaginationToken", "IdempotencyToken", "idempotencyToken", "ChangeToken", "LockToken"),
    *("pageToken", "NextPageToken", "StartingToken", "nextForwardToken", "nextBackwardToken", "sequenceToken"),
    *("uploadSequenceToken", "nextSequenceToken", "RequestId", "Request ID", "x-amzn-RequestId", "x-amz-id-2"),
    *("ETag", "Digest", "imageDigest", "ChangeSetId", "ClientRequestId"),
)
_SECRET_TOKENS = (
    *("request_token", "oauth_request_token", "__RequestVerificationToken", "requesttoken", "RequestTokens.Token"),
    *("token", "Token", "accessToken", "AccessToken", "session_token", "SessionToken", "X-Amz-Security-Token"),
    *("refresh_token", "idToken", "BearerToken", "authorizationToken", "csrf_token", "GITHUB_TOKEN", "taskToken"),
    *("MyRequestToken", "change_token", "page_token"),
)
_VALUES = ("0f8fad5b-d9cd-469f-a165-70867728950e", "f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3", "eyJ2ZXJzaW9uIjoidjEifQ==")


@pytest.mark.parametrize("tells", _TELLS)
@pytest.mark.parametrize("value", _VALUES)
def test_tokens_of_requests_and_pages_stay_and_those_of_people_are_masked(tells: str, value: str) -> None:
    for name in _NO_SECRETS:
        assert masked(tells.format(name, value)) == tells.format(name, value)
    for name in _SECRET_TOKENS:
        assert masked(tells.format(name, value)) == tells.format(name, MASK)


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_of_a_known_kind_is_masked_also_as_the_token_of_a_request(kind: str) -> None:
    text, secret = SecretSource(3).of_kind(kind)
    for name in ("RequestToken", "NextToken", "ETag"):
        assert secret not in masked(f"({name}: {text}, HandlerErrorCode: InvalidRequest)")


@given(st.text(alphabet="0123456789abcdef", min_size=8, max_size=64), st.sampled_from(IDENTIFIERS))
def test_ids_and_digests_are_never_taken_for_secrets(digits: str, identifier: str) -> None:
    for text in (digits, f"sha256:{digits}", f"task/{digits}", f"{identifier}/{digits}", f"{identifier} {digits}"):
        assert masked(text) == text


@given(st.text())
def test_masking_again_changes_nothing(text: str) -> None:
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize("kind", KINDS)
def test_masking_a_masked_secret_again_changes_nothing(kind: str) -> None:
    once = masked(SecretSource(1).of_kind(kind)[0])
    assert masked(once) == once


def test_what_is_around_a_secret_stays() -> None:
    assert masked("cannot reach postgres://app:hunter2@db:5432/web") == f"cannot reach postgres://{MASK}@db:5432/web"
    assert masked("DB_PASSWORD=hunter2 is too short") == f"DB_PASSWORD={MASK} is too short"
    assert masked('{"password": "hunter2", "port": 1}') == f'{{"password": "{MASK}", "port": 1}}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("login failed, ", ""),
        ("{user:app,", "}"),
        ("{", ",user:app}"),
        ("ERROR:root:", ""),
        ("WARNING:app.db:DB_", "; trying again"),
        ("connect(", ") failed"),
        ("--", ""),
        ("2026-01-01T12:00:00Z 12:30:01 ", " next"),
        ("[", "]"),
        ('{"line": "', '"}'),
    ],
)
@pytest.mark.parametrize("name", ["password", "passwd", "PASSWORD", "userPassword", "api_key"])
def test_a_colon_without_a_space_hides_no_password(before: str, after: str, name: str) -> None:
    for value in (SecretSource(7).word("abcXYZ0123456789", 12) + "a1", "hunter2hunter2"):
        assert masked(f"{before}{name}:{value}{after}") == f"{before}{name}:{MASK}{after}"


def test_a_password_of_one_letter_is_one_and_what_is_quoted_ends_with_its_quotation_mark() -> None:
    assert masked("password:x") == f"password:{MASK}"
    assert masked("password:'two words' and") == f"password:'{MASK}' and"
    assert masked("{id:1,token:'two words'}") == f"{{id:1,token:'{MASK}'}}"
    assert masked("ERROR:root:password: x") == f"ERROR:root:password: {MASK}"


_FIRST, _LAST = "-----BEGIN PRIVATE " + "KEY-----", "-----END PRIVATE " + "KEY-----"
_DIGEST = "0123abcd" * 8


def _body(width: int) -> list[str]:
    source = SecretSource(3)
    whole = [f"M{source.word('ABCdef0123', width - 2)}x" for _ in range(5)]
    return [*whole, f"{source.word('ABCdef0123', width // 2)}=="]


@pytest.mark.parametrize("width", [16, 20, 48, 60, 64, 70, 76, 77, 100, 1_600])
@pytest.mark.parametrize("ends", ["both", "the last line", "the first line", "none"])
def test_a_private_key_is_masked_whole_however_its_lines_are_broken_and_nothing_beside_it(
    width: int, ends: str
) -> None:
    if ends == "none" and not 64 <= width <= 76:
        return  # by itself such a line is like many others
    body = _body(width) if ends != "none" else _body(width)[:-1]
    first = [_FIRST] if ends in {"both", "the first line"} else []
    last = [_LAST] if ends in {"both", "the last line"} else []
    around = [_DIGEST, "ERROR: it begins", "ERROR: after it", "ready", _DIGEST]
    shown = masked_lines([*around[:2], *first, *body, *last, *around[2:]])
    assert [*shown[:2], *shown[-3:]] == around
    assert not any(line in " ".join(shown) for line in body)


def test_a_word_right_behind_a_key_is_no_part_of_it() -> None:
    assert masked_lines([_FIRST, *_body(70), _LAST, "ready"])[-1] == "ready"
    assert masked_lines([_FIRST, _LAST, "ready"])[-1] == "ready"
    assert masked_lines(["ready", _FIRST + " " + _LAST, "steady"])[::2] == ("ready", "steady")


@given(
    st.text(alphabet="ab1.-", min_size=1, max_size=12), st.sampled_from(("@sha256:" + "0a" * 32, ":5000/app", "/@s/p"))
)
def test_addresses_without_credentials_and_images_stay_to_the_letter(name: str, rest: str) -> None:
    for lead in ("", "http://localhost:5173/", "docker://", f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/"):
        text = f"{lead}app/x{name}x{rest}"
        assert masked(text) == text


@given(st.text(alphabet="ab1:/=-", max_size=30), st.sampled_from(("token", "password", "secret_key")))
def test_names_of_resources_stay_whatever_stands_in_them(name: str, word: str) -> None:
    text = f"arn:aws:s3:::bucket/{name}/{word}={name}x"
    assert masked(text) == text


_FAMILIES = (
    *(
        "\\",
        "'",
        '"',
        "\\'",
        '\\"',
        "http://",
        "http://a:",
        "http://a:b@",
        "://a:",
        "a:",
        "@",
        "=",
        "eyJ",
        "eyJaaaaaaaa.",
    ),
    *(
        "-----BEGIN ",
        "-----BEGIN PRIVATE " + "KEY-----",
        "password",
        "password=",
        "password='",
        "password: ",
        "password:",
        "password:reset,",
        "password:a&b:",
        "ERROR:password:",
        "key=",
        "-",
    ),
    *(
        "curl ",
        "curl -u ",
        "mysql ",
        "mysql -p",
        "--a-",
        "--password ",
        "cookie=",
        "Bearer ",
        "x@tcp(",
        "arn:token=",
        "a",
    ),
    *("p/@a", "aws key ", "cloudant: ", "Aa1Bb2Cc3", "api ", " ", "\n"),
)


_MEASURING = """
import json, sys, time
from expressway.privacy.masking.detector import masked, masked_lines

def took(text):
    start = time.process_time()
    masked(text)
    masked_lines([text])
    return time.process_time() - start

def grows_faster(family):
    short, long = ((family * size)[:size] for size in (5_000, 20_000))
    for _ in range(3):
        seconds = took(long)
        if seconds < 0.2 or seconds < 8 * took(short):
            return False
    return True

masked("warm up password=x")
print(json.dumps([family for family in json.loads(sys.argv[1]) if grows_faster(family)]))
"""


@pytest.mark.process
def test_the_time_for_a_long_line_grows_with_its_length_whatever_stands_in_it() -> None:
    """Four times the length takes four times as long; what tries every beginning with every end takes sixteen times.

    The processor's time counts, the best of three, and only where it is more than what anything else may take.
    """
    command = [sys.executable, "-c", _MEASURING, json.dumps(_FAMILIES)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    assert json.loads(told.stdout) == []


@pytest.mark.parametrize(
    ("text", "loads"),
    [
        (IDENTIFIERS[0], False),
        (IDENTIFIERS[4], False),
        ("deploy-my-longest-app-1a2b3c4d started at 2026-01-01T00:00:00.000+00:00", False),
        (SecretSource(1).of_kind("gitlab token")[0], True),
    ],
)
@pytest.mark.process
def test_detect_secrets_is_loaded_only_for_a_text_that_may_hold_a_token(text: str, loads: bool) -> None:
    program = (
        "import sys; from expressway.privacy.masking.detector import masked; masked(sys.argv[1]); "
        "print('detect_secrets' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program, text], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str(loads)


@pytest.mark.parametrize("pattern", foreign_patterns(), ids=range(len(foreign_patterns())))
@given(data=st.data())
def test_what_detect_secrets_would_find_is_never_kept_from_it(pattern: re.Pattern[str], data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern))
    assert FOREIGN_KINDS.search(text)
    assert may_hold_foreign_kinds(text)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32))
def test_secrets_of_a_kind_are_masked_whatever_characters_they_have(kind: str, seed: int) -> None:
    text, secret = SecretSource(seed).of_kind(kind)
    assert secret not in masked(text)


def test_a_quotation_that_is_cut_off_hides_nothing_of_a_password_with_spaces() -> None:
    assert masked('DB_PASSWORD="correct horse battery…') == f'DB_PASSWORD="{MASK}'
    assert masked('DB_PASSWORD="correct horse') == f'DB_PASSWORD="{MASK} horse'


def test_names_of_members_are_masked_as_well_and_none_is_lost_for_it() -> None:
    keys = [SecretSource(seed).of_kind("github token")[1] for seed in (1, 2)]
    assert masked_value({keys[0]: 1, keys[1]: [keys[0]], "key": 2}) == {MASK: 1, f"{MASK} (2)": [MASK], "key": 2}


@given(st.from_regex(FOREIGN_KINDS) | st.text())
def test_what_is_told_fast_is_told_no_less_often(text: str) -> None:
    assert may_hold_foreign_kinds(text) or not FOREIGN_KINDS.search(text)


def test_of_what_a_plugin_finds_the_name_beside_the_secret_stays() -> None:
    value = "A1b2C3d4E5" * 4
    assert masked(f"my aws pwd is '{value}' today") == "my aws pwd is '[masked]' today"
    address = "https://api.softlayer.com/soap/v3/"
    assert masked(f"POST {address}{'0123456789abcdef' * 4} ended") == f"POST {address}[masked] ended"


def test_what_was_masked_is_not_looked_at_again() -> None:
    looked_at: list[str] = []

    def mask(text: str) -> str:
        looked_at.append(text)
        return text.replace("hunter2", MASK)

    once = Masker(mask)
    line = once("password hunter2")
    assert (once(line), once("password hunter2")) == (line, line), "a text with a secret is never remembered"
    assert looked_at == ["password hunter2", "password hunter2"]


def test_however_much_was_masked_everything_new_is_looked_at() -> None:
    once = Masker(lambda text: text.replace("hunter2", MASK))

    assert all(once(f"{number}: hunter2") == f"{number}: {MASK}" for number in range(5_000))
    assert once("long " * 2_000 + "hunter2").endswith(MASK)


def test_each_rule_of_the_data_file_has_a_name_of_its_own_and_a_bounded_whole_word() -> None:
    rules = tomllib.loads(Path(detector.__file__).with_name("prefixed.toml").read_text(encoding="utf-8"))["rules"]

    assert len({rule["id"] for rule in rules}) == len(rules) > 30
    assert all(rule.keys() == {"id", "regex"} and re.compile(rule["regex"]).groups == 0 for rule in rules)
