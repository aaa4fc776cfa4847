"""
Finds keys and account ids by their shapes, without knowing them beforehand.

How it works: each shape has a required word, such as ``sk-``; finding words is fast, and the shape itself is only
tried there.  The captured group of a shape is the secret.  No repetition in a shape can be entered twice at one
place, so that no text makes it slow.

A shape without a mark of its own - a UUID, thirty-two hexadecimal digits - counts only beside words such as
``api_key`` (``named_keys``): the ids of requests, chunks and responses look the same, and they are evidence.

Shapes of keys: https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml and
https://github.com/mongodb/kingfisher; those of account ids cite the message that showed them.
"""

import re
from collections.abc import Iterator

from harness.recording.named_keys import Span, find_named_keys, told_once

_WINDOW = 1 << 20
_LONGEST_WORD = 32

# Where a word begins.  In JSON and in URLs what comes before it may be an escape, whose last character is a letter.
_START = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4})|(?<=%[0-9A-Fa-f]{2}))"
_DIGIT = r"(?=[A-Za-z]*+[0-9])"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# Separators of a name and its value: quotes, brackets, an equals sign, also escaped or as Chinese text has them.
_BETWEEN = r"""(?:[\s"'`\\:=<>(\[]|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|：|（|［|【){1,12}+"""


def _run(characters: str, least: int) -> str:
    """Return a pattern of so many characters, or of fewer at the end of the text."""
    return rf"(?:[{characters}]{{{least},}}+|[{characters}]{{8,}}+\Z)"


_LONG = rf"{_START}((?:sk-|nvapi-|tgp_v1_|ark-)(?:(?=[A-Za-z_-]*+[0-9]){_run('A-Za-z0-9_-', 20)}|[A-Za-z]{{32,}}+))"
_PLAIN = rf"{_START}((?:gsk_|xai-|pplx-|hf_|fw_|csk-|vck_|gh[oprsu]_|dapi|sk_|r8_|flp_|up_|cpk_){_DIGIT}{_run('A-Za-z0-9', 20)})"
_CLOUD = (
    rf"{_START}((?:AKIA|ASIA)[A-Z0-9]{{16}}+(?![A-Za-z0-9])|(?:LTAI|AKLT|AKID){_DIGIT}{_run('A-Za-z0-9', 16)}"
    rf"|(?:ABSK|bedrock-api-key-){_run('A-Za-z0-9+/_-', 40)}={{0,2}}|github_pat_{_run('A-Za-z0-9_', 40)})"
)
_GOOGLE = rf"{_START}((?:AIza|AQ\.A|ya29\.){_run('A-Za-z0-9_-', 30)})"
_SLASH = r"(?:\\*+/|%2[Ff])"
_QIANFAN = rf"{_START}(bce-v3{_SLASH}ALTAK-[A-Za-z0-9]++(?:{_SLASH}[0-9a-f]{{20,}}+|(?:{_SLASH}[0-9a-f]*+)?\Z))"
_PART = "[A-Za-z0-9_-]{10,}+"
_JWT = rf"{_START}(eyJ{_PART}\.(?:eyJ{_PART}\.{_PART}|[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]*+)?\Z))"

_NEW = "(?!REDACTED)"  # redacted text, with a digit after it, is not a key
_VALUE = rf"({_NEW}(?=[A-Za-z_.~+/-]*+[0-9])[A-Za-z0-9_.~+/-]{{15,}}[A-Za-z0-9]=*+)"
_NAMED = (
    r"(?i:api[ _-]?key|(?:access|auth)[ _-]?token|secret[ _-]?key|authorization|bearer|[?&]key=)"
    rf"(?i: (?:provided|given|received|is|was))?(?:(?<==)|{_BETWEEN})(?i:(?:bearer|basic) )?{_VALUE}"
)
_BASIC = rf"{_START}[Bb]asic ((?=[A-Za-z+/]*+[0-9])[A-Za-z0-9+/]{{16,}}+={{0,2}})(?![A-Za-z0-9._~-])"

_ORGANISATION = (
    # "… in organization `org_…`": https://github.com/continuedev/continue/issues/10920
    # "Your account org-… / proj-… <ak-…>": https://github.com/MoonshotAI/kimi-cli/issues/1599
    rf"{_START}((?:org|proj)[-_][A-Za-z0-9]{{22,}}+|ak-{_DIGIT}[a-z0-9]{{18,}}+"
    # "user_id":"user_…": https://github.com/chatboxai/chatbox/issues/2743
    rf"|user[-_]{_DIGIT}[A-Za-z0-9]{{22,}}+)"
    # "… your organization (UUID) …", "(org: UUID, …": https://github.com/stagewise-io/stagewise/issues/927
    # "Your team UUID has …": https://github.com/continuedev/continue/issues/10373
    rf"|(?i:org(?:ani[sz]ation)?|proj(?:ect)?|team|workspace|account)(?i:[ _-]?id)?{_BETWEEN}({_UUID})"
    # "consumer": "projects/…", "… in project …": https://github.com/google/generative-ai-docs/issues/356
    # "Your account [210…] has reached …": https://github.com/volcengine/MineContext/issues/328
    rf"|(?i:project|account)s?(?i:[ _-]?(?:id|number))?(?:/|{_BETWEEN})([0-9]{{9,13}}+|[0-9a-f]{{32}}+)(?![A-Za-z0-9])"
)
# "User: arn:aws:sts::…": https://github.com/tinovyatkin/amazon-bedrock-copilot-chat/issues/396
_ARN = r"arn:aws[a-z-]*+:[a-z0-9-]*+:[a-z0-9-]*+:([0-9]{12}+):"

# "… postgres://user:password@host … failed", in errors: https://cwe.mitre.org/data/definitions/209.html
_ADDRESS = rf"""://[^\s/@:"'\\]{{0,64}}+:({_NEW}(?=[^0-9@\s]{{0,128}}+[0-9])[^\s/@"'\\]{{8,128}}+)@"""
# https://www.rfc-editor.org/rfc/rfc7468#section-10, its lines also with the line ends of JSON.  A line end of the body
# itself belongs to it only before another such line: in a stream it may be the end of an event.
_PEM_LINE = r"\r?\n(?=[A-Za-z0-9+/]{40}|[A-Za-z0-9+/]{1,64}={0,2}\r?\n-----END)"
_PRIVATE_KEY = rf"PRIVATE KEY-----((?=(?:\\++[nr]|\r?\n)?[A-Za-z0-9+/]{{16}})(?:[A-Za-z0-9+/=]|\\++[nr]|{_PEM_LINE})++)"

_SHAPES = {
    _LONG: "sk-,nvapi-,tgp_v1_,ark-",
    _PLAIN: "gsk_,xai-,pplx-,hf_,fw_,csk-,vck_,gho_,ghp_,ghr_,ghs_,ghu_,dapi,sk_,r8_,flp_,up_,cpk_",
    _CLOUD: "akia,asia,ltai,aklt,akid,absk,bedrock-api-key-,github_pat_",
    _GOOGLE: "aiza,aq.a,ya29.",
    _QIANFAN: "bce-v3",
    _JWT: "eyj",
    _NAMED: "apikey,api_key,api-key,api key,access_token,access-token,access token,auth_token,auth-token,auth token,"
    "secret_key,secret-key,secret key,authorization,bearer,?key=,&key=",
    _BASIC: "basic",
    _ORGANISATION: "org,proj,user-,user_,ak-,team,workspace,account",
    _ARN: "arn:aws",
    _ADDRESS: "://",
    _PRIVATE_KEY: "private key-----",
}
_GATES = ("k-", "k_", "gh", "api", "access", "auth", "secret", "key=", "user", "p_")
"""Common parts of several words: a text without one has none of these words."""


def _tried() -> list[tuple[bytes, list[tuple[bytes, re.Pattern[bytes]]]]]:
    """Return each word with the shapes tried at it, grouped by its gate, or by itself."""
    tried: dict[str, list[tuple[bytes, re.Pattern[bytes]]]] = {}
    for shape, words in _SHAPES.items():
        for word in words.split(","):
            gate = next((one for one in _GATES if one in word), word)
            tried.setdefault(gate, []).append((word.encode(), re.compile(shape.encode())))
    return [(gate.encode(), below) for gate, below in tried.items()]


_TRIED = _tried()


def find_key_patterns(text: bytes) -> Iterator[Span]:
    """Yield the spans of ``text`` that are shaped like a key or an account id, or are called a key beside it."""
    for start in range(0, len(text), _WINDOW):
        window = text[start : start + _WINDOW + _LONGEST_WORD].lower()
        said = told_once(window)
        for gate, below in _TRIED:
            if gate in said:
                for word, shape in below:
                    if word in said:
                        yield from _standing(word, shape, text, window, start)
    yield from find_named_keys(text)


def _standing(word: bytes, shape: re.Pattern[bytes], text: bytes, window: bytes, start: int) -> Iterator[Span]:
    """Yield the matches of a shape at a word; ``window`` is the lower-case text from ``start`` on."""
    at = window.find(word)
    while at >= 0:
        found = shape.match(text, start + at)
        if found and found.lastindex:
            yield found.span(found.lastindex)
        at = window.find(word, at + 1)
