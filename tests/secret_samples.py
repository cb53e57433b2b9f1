"""Secrets of many kinds, made at run time from parts: none stands in the source, and no two are alike."""

import base64
import json
import random
import string
from collections.abc import Callable

_LOWER = string.ascii_lowercase + string.digits
_MIXED = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits


class SecretSource:
    """Gives distinct secrets; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def word(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choice(alphabet) for _ in range(length))

    def of_kind(self, kind: str) -> tuple[str, str]:
        """A text as a log would show it, and the secret within it."""
        return KINDS[kind](self)

    def opaque(self) -> str:
        """A value that nothing tells for a secret but where it stands."""
        return f"opaque{self.word(_LOWER, 18)}"


def _plain(prefix: str, alphabet: str, length: int) -> Callable[[SecretSource], tuple[str, str]]:
    def make(source: SecretSource) -> tuple[str, str]:
        secret = prefix + source.word(alphabet, length)
        return f"using {secret} now", secret

    return make


def _in(template: str, alphabet: str = _MIXED, length: int = 20) -> Callable[[SecretSource], tuple[str, str]]:
    def make(source: SecretSource) -> tuple[str, str]:
        secret = f"x{source.word(alphabet, length)}7"
        return template.format(secret), secret

    return make


def _jwt(source: SecretSource) -> tuple[str, str]:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    token = ".".join((part({"alg": "HS256"}), part({"sub": source.word(_LOWER, 16)}), source.word(_MIXED, 43)))
    return f"session {token} begins", token.rsplit(".", 1)[1]


def _private_key(source: SecretSource) -> tuple[str, str]:
    body = source.word(_MIXED, 64)
    kind = "RSA " + "PRIVATE KEY"
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----", body


def _letters(template: str) -> Callable[[SecretSource], tuple[str, str]]:
    def make(source: SecretSource) -> tuple[str, str]:
        secret = f"z{source.word(string.ascii_lowercase, 11)}"
        return template.format(secret), secret

    return make


def _number(template: str) -> Callable[[SecretSource], tuple[str, str]]:
    def make(source: SecretSource) -> tuple[str, str]:
        secret = f"8{source.word(string.digits, 11)}"
        return template.format(secret), secret

    return make


def _sentry(source: SecretSource) -> tuple[str, str]:
    secret = f"a{source.word('0123456789abcdef', 30)}1"
    return f"SENTRY_DSN is https://{secret}@o12345.ingest.sentry.io/67890", secret


def _short_basic(source: SecretSource) -> tuple[str, str]:
    secret = base64.b64encode(f"a:{source.word(_MIXED, 7)}".encode()).decode().rstrip("=")
    return f"Authorization: Basic {secret}", secret


KINDS: dict[str, Callable[[SecretSource], tuple[str, str]]] = {
    "aws access key": _plain("AK" + "IA", _UPPER, 16),
    "aws temporary key": _plain("AS" + "IA", _UPPER, 16),
    "aws secret key": _in("aws_secret_access_key={}", _MIXED + "/+", 38),
    "aws secret key in json": _in('{{"SecretAccessKey": "{}"}}', _MIXED + "/+", 38),
    "aws session token": _in("AWS_SESSION_TOKEN={}", _MIXED + "/+=", 120),
    "presigned url": _in("GET https://b.s3.amazonaws.com/k?X-Amz-Signature={}&x=1", "0123456789abcdef", 64),
    "github token": _plain("gh" + "p_", _MIXED, 36),
    "github fine-grained token": _plain("github" + "_pat_", _MIXED, 60),
    "gitlab token": _plain("gl" + "pat-", _MIXED, 20),
    "slack token": _plain("xo" + "xb-", string.digits, 24),
    "slack webhook": _in("https://hooks." + "slack.com/services/T00AA/B00BB/{}"),
    "stripe key": _plain("sk" + "_live_", _MIXED, 24),
    "stripe test key": _plain("rk" + "_test_", _MIXED, 24),
    "openai key": _plain("sk-" + "proj-", _MIXED, 48),
    "google api key": _plain("AI" + "za", _MIXED, 35),
    "npm token": _plain("npm" + "_", _MIXED, 36),
    "pypi token": _plain("pypi-" + "AgEIcHlwaS5vcmc", _MIXED, 80),
    "sendgrid key": lambda source: _plain("SG" + f".{source.word(_MIXED, 22)}.", _MIXED, 43)(source),
    "docker token": _plain("dckr" + "_pat_", _MIXED, 27),
    "telegram token": lambda source: _plain(f"{source.word('123456789', 9)}:", _MIXED, 35)(source),
    "twilio key": _plain("S" + "K", "0123456789abcdef", 32),
    "azure storage key": _in("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};", _MIXED, 86),
    "jwt": _jwt,
    "private key": _private_key,
    "postgres url": _in("cannot reach postgres://app:{}@db.internal:5432/web"),
    "postgres url with odd characters": _in("cannot reach postgres://app:p@:/?{}@db.internal:5432/web"),
    "redis url without a user": _in("redis://:{}@cache:6379/0"),
    "mongodb url": _in("mongodb+srv://u:{}@cluster0.example.net/db?retryWrites=true"),
    "basic auth url": _in("GET https://user:{}@example.com/x failed"),
    "odbc string": _in("Server=db;User Id=sa;Password={};Encrypt=yes"),
    "jdbc url": _in("jdbc:postgresql://db/web?user=app&password={}&ssl=true"),
    "assigned password": _in("DB_PASSWORD={} is too short"),
    "password in json": _in('{{"user": "a", "password": "{}", "port": 1}}'),
    "password in nested json": _in('{{"log": "{{\\"password\\": \\"{}\\"}}"}}'),
    "password in python": _in("config: {{'api_key': '{}', 'debug': True}}"),
    "password in yaml": _in("  password: {}"),
    "password option": _in("exec: serve --password {} --port 80"),
    "authorization header": _in("Authorization: Bearer {}"),
    "basic header": _in("authorization: Basic {}"),
    "client secret": _in("client_secret={}&grant_type=code"),
    "hashicorp vault token": _plain("hv" + "s.", _MIXED, 24),
    "hugging face token": _plain("h" + "f_", string.ascii_letters, 34),
    "aws secret key with spaces": _in("aws_secret_access_key = {}", _MIXED + "/+", 38),
    "aws secret key in yaml": _in("SecretAccessKey: {}", _MIXED + "/+", 38),
    "mongodb url with signs in the password": _in("mongodb" + "+srv://u:p@ss:wo/rd{}@cluster0.example.net/db"),
    "postgres url with a number before a slash": _in("postgres" + "://u:12/{}@db.internal/web"),
    "go driver address": _in("dial user:{}@tcp(127.0.0.1:3306)/db failed"),
    "token as a user": _in("cloning https://{}@github.com/org/repo.git"),
    "sentry address": lambda source: _sentry(source),
    "client secret in yaml": _in("client_secret: {}"),
    "secret in yaml": _in("secret: {}"),
    "secret key in yaml": _in("secret_key: {}"),
    "password of letters in yaml": _letters("password: {}"),
    "number as a password": _number('{{"password": {}, "port": 1}}'),
    "rails secret": _in("SECRET_KEY" + "_BASE={}", _LOWER, 100),
    "rails master key": _in("RAILS_MASTER" + "_KEY={}", "0123456789abcdef", 30),
    "fernet key": _in("FERNET" + "_KEY={}=", _MIXED, 40),
    "laravel key": _in("APP" + "_KEY=base64:{}=", _MIXED, 40),
    "assigned value with signs": _in("DJANGO_SECRET_KEY=ab&y;z{}"),
    "password as bytes": _in("connect(user='a', password=b'{}')"),
    "quoted password with spaces": _in('DB_PASSWORD="one two {}" exported'),
    "curl user": _in("+ curl -s -u admin:{} https://example.com"),
    "mysql option": _in("exec mysql -h db -uroot -p{} web"),
    "option with a longer name": _letters("serve --db-password {} --port 80"),
    "option in a list": _letters("['serve', '--password', '{}']"),
    "cookie": _in("Cookie: sessionid={}; theme=dark"),
    "short basic header": lambda source: _short_basic(source),
    "discord webhook": _in("https://discord" + ".com/api/webhooks/123456789012345678/{}", _MIXED, 66),
    "grafana token": lambda source: _plain("gl" + "sa_" + source.word(_MIXED, 32) + "_", "0123456789abcdef", 8)(source),
    "doppler token": _plain("dp" + ".pt.", _MIXED, 43),
    "linear key": _plain("lin" + "_api_", _MIXED, 40),
    "sentry token": _plain("sn" + "trys_", _MIXED, 80),
    "supabase token": _plain("sb" + "p_", "0123456789abcdef", 40),
    "mailgun key": _plain("ke" + "y-", "0123456789abcdef", 32),
    "planetscale token": _plain("psc" + "ale_tkn_", _MIXED, 43),
    "terraform token": lambda source: _plain(source.word(_MIXED, 14) + ".atlas" + "v1.", _MIXED, 67)(source),
}
