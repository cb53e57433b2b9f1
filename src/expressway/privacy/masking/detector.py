"""Mask values of known secret kinds in text of others: keys, tokens, passwords in connection strings, private keys.

The patterns are those of detect-secrets (its plugins, without entropy and keyword guesses, which would damage
digests and ids), and a table of what it lacks. detect-secrets is loaded for the first text that may hold a token.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from expressway.privacy.masking.patterns import (
    FOREIGN_KINDS,
    KEY_BEGINS,
    KEY_BODY,
    KEY_ENDS,
    KEY_HEADER,
    KEY_LINE,
    KEY_TAIL,
    MASK,
    OWN_PATTERNS,
    may_hold_foreign_kinds,
)
from expressway.privacy.masking.settings import without_settings, without_url_credentials

_PLUGINS = (
    *("aws.AWSKeyDetector", "azure_storage_key.AzureStorageKeyDetector"),
    *("cloudant.CloudantDetector", "discord.DiscordBotTokenDetector", "github_token.GitHubTokenDetector"),
    *("gitlab_token.GitLabTokenDetector", "ibm_cos_hmac.IbmCosHmacDetector", "mailchimp.MailchimpDetector"),
    *("npm.NpmDetector", "openai.OpenAIDetector", "pypi_token.PypiTokenDetector", "sendgrid.SendGridDetector"),
    *("slack.SlackDetector", "softlayer.SoftlayerDetector", "square_oauth.SquareOAuthDetector"),
    *("stripe.StripeDetector", "telegram_token.TelegramBotTokenDetector", "twilio.TwilioKeyDetector"),
)
"""Left out: entropy, keywords and public addresses (guesses), Artifactory and IBM IAM (they match plain words and
names), JWT, private keys and passwords in addresses (found only in part; see the table)."""
_SHORTEST_SECRET = 6
_LONGEST_KNOWN = 4_096
_MOST_KNOWN = 2_048
_WINDOW = re.compile(r".{1,1024}(?:(?=\s)|\Z)|.{1,1024}(?=[\"',;&|{}()\[\]<>])|.{1,1024}", re.DOTALL)
_SHORTEST_GROUP = 16


class Masker:
    """`mask`, once over a text: what came out of it is known for a while, and not looked at again.

    A line of a log is masked where it is read, since it is cut there, and again in the answer that shows it. Only
    masked texts are remembered. Threads may share it.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._results: set[str] = set()

    def __call__(self, text: str) -> str:
        if len(text) < _SHORTEST_SECRET or text in self._results:
            return text
        result = self._mask(text)
        if len(result) <= _LONGEST_KNOWN:
            if len(self._results) >= _MOST_KNOWN:
                self._results = set()
            self._results.add(result)
        return result


def _masked(text: str) -> str:
    for pattern in OWN_PATTERNS:
        text = pattern.sub(_without_secret, text)
    text = without_settings(without_url_credentials(text))
    if not may_hold_foreign_kinds(text) or not FOREIGN_KINDS.search(text):
        return text
    return "".join(map(_without_foreign_kinds, _windows(text)))


masked = Masker(_masked)
"""The text with every value of a known secret kind replaced by ``[masked]``; everything else stays as it is.

It takes time that grows with the length of the text, whatever the text is.
"""


def _without_foreign_kinds(window: str) -> str:
    if FOREIGN_KINDS.search(window):
        for pattern in foreign_patterns():
            window = pattern.sub(_without_found, window)
    return window


def _windows(text: str) -> Iterable[str]:
    """The text in pieces, since the patterns of others may take time that grows faster than the text.

    Pieces end at white space or, where a text has none, at a sign that no token has.
    """
    return (match.group() for match in _WINDOW.finditer(text))


def masked_json(value: object) -> str:
    """The value as JSON, with every text in it masked."""
    return json.dumps(masked_value(value), ensure_ascii=False, default=lambda other: masked(str(other)))


def masked_value(value: Any) -> Any:
    """Mappings, lists and texts with every text in them masked, names of members too; each text is looked at once."""
    return _masked_value(value, {})


def _masked_value(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, str):
        if value not in known:
            known[value] = masked(value)
        return known[value]
    if isinstance(value, Mapping):
        return _masked_members(cast("Mapping[Any, Any]", value), known)
    if isinstance(value, list | tuple):
        return [_masked_value(item, known) for item in cast("Sequence[Any]", value)]
    return value


def _masked_members(members: Mapping[Any, Any], known: dict[str, str]) -> dict[Any, Any]:
    """The members under their masked names; those that are then called alike are numbered."""
    shown: dict[Any, Any] = {}
    for name, item in members.items():
        called = first = _masked_value(name, known)
        number = 1
        while called in shown:
            number += 1
            called = f"{first} ({number})"
        shown[called] = _masked_value(item, known)
    return shown


def masked_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines of one log, masked one by one, and private keys that stand on several of them."""
    texts = list(lines)
    inside = _key_material(texts)
    return tuple(MASK if at in inside else masked(line) for at, line in enumerate(texts))


def _key_material(lines: Sequence[str]) -> set[int]:
    """The lines between a key's first and last one; where only one of those is shown, as far as it can reach."""
    inside: set[int] = set()
    open_key = False
    for at, line in enumerate(lines):
        if KEY_ENDS.search(line):
            if not open_key and not KEY_BEGINS.search(line):
                inside.update(_before(lines, at))
            open_key = False
        elif KEY_BEGINS.search(line):
            open_key = True
        elif open_key:
            open_key = any(form.fullmatch(line.strip()) for form in (KEY_TAIL, KEY_HEADER))
            inside.update({at} if open_key else ())
        elif KEY_LINE.fullmatch(line.strip()):
            inside.add(at)
    return inside


def _before(lines: Sequence[str], end: int) -> set[int]:
    """The lines of a key that led to its last one: whole ones, but for the one before the end."""
    found: set[int] = set()
    form = KEY_TAIL
    for at in range(end - 1, -1, -1):
        if not form.fullmatch(lines[at].strip()):
            break
        found.add(at)
        form = KEY_BODY
    return found


def _without_secret(match: re.Match[str]) -> str:
    if "secret" not in match.re.groupindex:
        return MASK
    start, end = match.start("secret") - match.start(), match.end("secret") - match.start()
    found = match.group()
    return f"{found[:start]}{MASK}{found[end:]}" if match["secret"] != MASK else found


def _without_found(match: re.Match[str]) -> str:
    """A plugin's match: the long group where it has one (the secret beside its name), else all of it."""
    if _is_part_of_a_word(match):
        return match.group()
    groups = [number for number, text in enumerate(match.groups(), 1) if text and len(text) >= _SHORTEST_GROUP]
    if not groups:
        return MASK
    start, end = match.start(groups[0]) - match.start(), match.end(groups[0]) - match.start()
    return f"{match.group()[:start]}{MASK}{match.group()[end:]}"


def _is_part_of_a_word(match: re.Match[str]) -> bool:
    """Whether the match begins within a longer word: then it is a piece of an identifier, such as an account's id."""
    start = match.start()
    return start > 0 and match.string[start - 1].isalnum() and match.group()[0].isalnum()


@cache
def foreign_patterns() -> tuple[re.Pattern[str], ...]:
    """The patterns of detect-secrets that are used."""
    from importlib import import_module

    found: list[re.Pattern[str]] = []
    for path in _PLUGINS:
        module, name = path.split(".")
        plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        found.extend(plugin.denylist)
    return tuple(found)
