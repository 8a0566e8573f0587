"""Tell whether a variable looks like a secret, by its name or by its value. Pure functions.

A name is judged by its words, of which the last one says what it is: DB_PASSWORD is a password, PASSWORD_MIN_LENGTH a
length. Forms of values: https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns
"""

from __future__ import annotations

import re

_SECRETS = frozenset({"CREDENTIAL", "CREDENTIALS", "PASS", "PASSPHRASE", "PSWD", "PW", "PWD"})
_ENDINGS = ("PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "ACCESSKEY", "PRIVATEKEY", "SECRETKEY", "DBPASS")
# Several may be counted: MAX_TOKENS.
_PLURALS = frozenset({"PASSWORDS", "SECRETS", "TOKENS"})
# A key is a secret by what it opens; a cache key, a partition key or a public key is none.
_KINDS_OF_KEY_TEXT = """
    ACCESS ACCOUNT API APP AUTH DEPLOY ENCRYPTION HMAC JWT LICENSE MASTER PRIVATE SECRET SERVICE SHARED
    SIGNING SSH STORAGE
"""
_KINDS_OF_KEY = frozenset(_KINDS_OF_KEY_TEXT.split())
# After a secret's name, these words change nothing: SECRET_KEY_BASE, DB_PASSWORD_PROD.
_NEUTRAL_TEXT = """
    B64 BASE BASE64 CURRENT DEV DEVELOPMENT HEX JSON LIVE NEW OLD PEM PREVIOUS PRIMARY PROD PRODUCTION RAW
    SANDBOX SECONDARY STAGING TEST VALUE
"""
_NEUTRAL = frozenset(_NEUTRAL_TEXT.split())
# Last words of settings about a secret: PASSWORD_MIN_LENGTH, TOKEN_TTL, SECRET_KEY_FILE.
_ABOUT_TEXT = """
    AGE ALG ALGORITHM ALLOWED ARN ATTEMPTS AUDIENCE BACKEND BUCKET CACHE CHECK CLASS COLUMN COOKIE COST COUNT
    DAYS DIR DIRECTORY DISABLED DOMAIN DURATION ENABLED ENCODER ENCODING ENDPOINT ENGINE EXPIRATION EXPIRES
    EXPIRY FIELD FILE FILENAME FOLDER FORMAT GRACE HASHER HEADER HOST HOURS ID IDS INTERVAL ISSUER KIND LEEWAY
    LEN LENGTH LENGTHS LIFETIME LIMIT LINK LOCATION LOGIN LOOKUP MANAGER MAX METHOD MIN MINUTES MODE MS NAME
    NAMES PAGE PARAMETER PATH PATTERN POLICY PORT PREFIX PROVIDER REFRESH REGEX REGION REQUIRED RESET RETRIES
    ROTATION ROUNDS RULE RULES SCOPE SCOPES SECONDS SERIAL SERVER SERVICE SIZE SOURCE STORE STRATEGY STRENGTH
    SUBJECT SUFFIX TEMPLATE TIMEOUT TTL TYPE URI URL USER USERNAME VALIDITY VERSION WINDOW
"""
_ABOUT = frozenset(_ABOUT_TEXT.split())
_PUBLIC = frozenset({"PUBLIC", "PUBLISHABLE"})
_SWITCHES_TEXT = """
    0 1 disabled enabled false n no none null off on optional required true y yes
"""
_SWITCHES = frozenset(_SWITCHES_TEXT.split())
# A number, perhaps of a unit of time or size; a file; an address.
_SETTING = re.compile(r"[0-9]+(?:\.[0-9]+)?\s?[a-zA-Z]{0,7}|\.{0,2}/.*|[a-z][a-z0-9+.-]*:[^@]*", re.DOTALL)
# A reference that the app itself resolves, as Spring does, where the manifest writes the braces twice; or a file.
_REFERENCE = re.compile(r"\$\{\{?\w+\}?\}|/run/secrets/[\w.-]+")
_GENERATED = re.compile(
    r"(?:(?:APP|AUTH|DJANGO|FLASK|NEXTAUTH)_)?(?:SECRET|SECRET_KEY|SECRET_KEY_BASE|SESSION_SECRET|SESSION_KEY|"
    r"JWT_SECRET|COOKIE_SECRET)"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_FORMS = (
    ("an AWS access key", r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("a token of GitHub's", r"gh[opusr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"),
    ("a token of GitLab's", r"glpat-[\w-]{20,}"),
    ("a key of Stripe's", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}"),
    ("a token of Slack's", r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}"),
    ("a webhook of Slack's", r"hooks\.slack\.com/(?:services|workflows)/\w+/"),
    ("a key of Google's", r"AIza[\w-]{35}"),
    ("a key of SendGrid's", r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    ("a token of Docker Hub's", r"dckr_[po]at_[\w-]{20,}"),
    ("a token of npm's", r"npm_[A-Za-z0-9]{30,}"),
    ("a token of PyPI's", r"pypi-AgEI[\w-]{20,}"),
    ("a key of OpenAI's or Anthropic's", r"\bsk-[A-Za-z0-9_-]{20,}"),
    ("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY"),
    ("a JSON Web Token", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"),
)
_VALUES = tuple((what, re.compile(pattern)) for what, pattern in _FORMS)
_IN_ADDRESS = re.compile(r"(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/?#:@]*:(?P<password>[^\s/?#]+)@")
_IN_PARAMETERS = re.compile(
    r"(?:[?&;]|^)\s*(?:account ?key|password|passwd|pwd|shared ?access ?key|sig)\s*=(?P<password>[^&;\s]+)",
    re.IGNORECASE,
)
# Filled in elsewhere, or left out: ${PASSWORD}, {password}, $PASSWORD, <password>, %s, ***.
_BLANK = re.compile(r"\$?\{.*\}|\$\w+|<.*>|%\w|%\(\w+\)s|[*x.]+", re.IGNORECASE)


def looks_secret(name: str, value: str) -> str | None:
    """Return why a variable looks like a secret, never with its value; None if it does not.

    The text follows "looks like a secret, ".
    """
    found = secret_form(value)
    if found:
        return f"its value has the form of {found}"
    word = _secret_word(name, value)
    return f"its name contains {word}" if word else None


def secret_line(name: str, service: str) -> str:
    """Return a line of `[secrets]`: a generated value where only the app reads it, otherwise a parameter.

    Args:
        name: The variable.
        service: `service.name`, which begins the parameter's name.
    """
    if is_generated(name):
        return f"{name} = {{ generate = 64 }}"
    return f'{name} = {{ ssm = "/{service}/{re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")}" }}'


def is_generated(name: str) -> bool:
    """Whether only the app reads a variable, so that any random value will do, as of SECRET_KEY."""
    return _GENERATED.fullmatch(name) is not None


def secret_form(value: str) -> str | None:
    """Return the kind of secret that a value has the form of, such as "a JSON Web Token"; None for any other value."""
    for what, pattern in _VALUES:
        if pattern.search(value):
            return what
    return "an address with a password" if password_in(value) else None


def password_in(value: str) -> str | None:
    """Return the password in an address such as postgres://ada:PASSWORD@db/shop; None if it has none."""
    for pattern in (_IN_ADDRESS, _IN_PARAMETERS):
        for match in pattern.finditer(value):
            if not _BLANK.fullmatch(match["password"]):
                return match["password"]
    return None


def _secret_word(name: str, value: str) -> str | None:
    # DB and PASSWORD of DB_PASSWORD, db-password and dbPassword.
    words: list[str] = [word.upper() for word in _WORD.findall(name) if not word.isdigit()]
    while words and words[-1] in _NEUTRAL:
        words.pop()
    # A shell's working folder is no password.
    if words in ([], ["PWD"]):
        return None
    if _PUBLIC & set(words) or value.strip().lower() in _SWITCHES or _REFERENCE.fullmatch(value):
        return None
    if _is_secret(words[-1]):
        return words[-1]
    if words[-1] in ("KEY", "KEYS") and len(words) > 1 and words[-2] in _KINDS_OF_KEY:
        return f"{words[-2]}_{words[-1]}"
    return None if words[-1] in _ABOUT or _SETTING.fullmatch(value.strip()) else _word_before_purpose(words)


def _word_before_purpose(words: list[str]) -> str | None:
    """Return the secret in a name whose last words say what it is for: PASSWORD_ADMIN, API_KEY_MAPS."""
    for first, second in zip(words, [*words[1:], ""], strict=True):
        if _is_secret(first) or first in _PLURALS:
            return first
        if first in _KINDS_OF_KEY and second == "KEY":
            return f"{first}_KEY"
    return None


def _is_secret(word: str) -> bool:
    return word in _SECRETS or word.endswith(_ENDINGS)
