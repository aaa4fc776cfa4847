"""
Reads and writes cassettes: recordings in vcrpy's YAML (version 1), which plain vcrpy can replay.

Bodies are byte-exact and readable: a literal block with one SSE line per row, where YAML allows it.  Fields that
vcrpy does not have are inside ``response``, where it keeps and ignores them: ``x_stream`` (reads and how they
ended) and ``x_source`` (provenance).

How reading stays fast: a literal block is the body with an indent, so in files this module wrote the blocks are cut
out before the rest is parsed as YAML.  ``_HEADER`` marks such files; any other file, and one whose line ends were
changed, is parsed whole.
"""

import errno
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from harness import __version__
from harness.errors import BadCassette
from harness.recording.atomic import write_atomically
from harness.recording.scrub import scrub
from harness.wire.exchange import Exchange, Headers, Reads, Request, Response, Source
from harness.wire.limits import read_regular, sizes
from harness.wire.sse import is_utf8
from harness.wire.yaml_limits import TooMuchYaml, check_aliases, check_merged, check_yaml_nodes, whole_number

_HEADER = b"# A cassette of llm-compat-harness: vcrpy's format, bodies byte for byte.\n"
OWN = "# A cassette of llm-compat-harness: "
"""Pattern of the beginning of a cassette of harness."""
_INDENT = b" " * 8
_BLOCK = re.compile(rb"\n    body:\n      string: (\|([+-]?)\n)")
_AFTER_BLOCK = re.compile(rb"\n(?! {8}|\n)")
_NEXT_KEY = re.compile(rb" {0,4}[^ #\n]")
_DEEPEST = 500
_PROVENANCES = ("recorded", "published", "reconstructed", "synthesised")
_FIDELITIES = ("wire", "lines", "reserialized", "chunks", "transcript")

try:
    from yaml import CSafeDumper as _Dumper
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: the same results, sixty times slower
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


def read_cassette(path: Path) -> list[Exchange]:
    """
    Read the exchanges of a cassette.

    Raises:
        BadCassette: it is not there, empty, too large, cut short, not YAML, of another version, or a part is malformed.
    """
    try:
        content = read_regular(path, sizes().file)
    except OSError as error:
        advice = "; record it again, or move it away" if error.errno in {errno.EFBIG, errno.EINVAL} else ""
        raise BadCassette(f"{path}: {error.strerror or error}{advice}") from None
    if not content.strip():
        raise BadCassette(f"{path}: empty; restore it from version control or record it again")
    exchanges = exchanges_of(load_yaml(content, path), path)
    # Files of harness hold no secret; in another tool's, an excerpt may cut a secret too short to be recognized.
    return exchanges if content.startswith(_HEADER) else [scrub(exchange) for exchange in exchanges]


def exchanges_of(document: Any, path: Path) -> list[Exchange]:
    """Return the exchanges of a parsed cassette of harness; ``path`` is for messages."""
    return [exchange_of(item, f"{path}: interactions/{n}") for n, item in enumerate(interactions_of(document, path))]


def interactions_of(document: Any, path: Path) -> list[Any]:
    """Return the interactions of a parsed vcrpy cassette; ``path`` is for messages."""
    if not isinstance(document, dict) or not isinstance(document.get("interactions"), list):
        raise BadCassette(f"{path}: no list of interactions; this is not a vcrpy cassette")
    if "version" not in document:
        raise BadCassette(f"{path}: no version line, so the file is truncated; restore it or record it again")
    if document["version"] != 1:
        version = _words(document["version"], f"{path}: version")
        raise BadCassette(f"{path}: version {version}; this tool reads version 1, record it again")
    if not document["interactions"]:
        raise BadCassette(f"{path}: interactions: the list is empty; record it again")
    return list(document["interactions"])


def load_yaml(content: bytes, path: Path, *, several: bool = False) -> Any:
    """
    Parse YAML, with literal blocks as bytes if this module wrote the file.

    With ``several``, multiple documents in it are returned as a list.
    """
    blocks: list[bytes] = []
    try:
        if content.startswith(_HEADER) and b"\r" not in content and is_utf8(content):
            content = _cut_blocks(content, blocks)
        check_yaml_nodes(content)
        document = _documents(content) if several else yaml.load(content, _OurLoader)  # noqa: S506 - it is a safe loader
        check_aliases(document, content)
    except TooMuchYaml as error:
        raise BadCassette(f"{path}: {error}") from None
    except Exception as error:  # noqa: BLE001 - PyYAML's constructors raise whatever their values make them
        raise BadCassette(f"{path}{_where(error)}; restore it or record it again") from None
    if blocks:
        _put_back(document, blocks)
    return document


def _documents(content: bytes) -> Any:
    documents = list(yaml.load_all(content, _OurLoader))
    return documents[0] if len(documents) == 1 else documents


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    what = " ".join(str(getattr(error, "problem", None) or error).split())
    return f":{mark.line + 1}: not readable as YAML: {what}" if mark else f": not readable as YAML: {what}"


def _cut_blocks(content: bytes, blocks: list[bytes]) -> bytes:
    """
    Move the literal blocks of response bodies into ``blocks``, replacing each by its number.

    A block in any other form than this module's is left to the YAML parser.
    """
    skeleton, position = [], 0
    for match in _BLOCK.finditer(content):
        after = _AFTER_BLOCK.search(content, match.end() - 1)
        rows = content[match.end() : after.start() + 1] if after else b""
        if not after or not rows.startswith(_INDENT) or rows[len(_INDENT) : len(_INDENT) + 1] in {b" ", b"\n"}:
            continue
        if not _NEXT_KEY.match(content, after.end()):
            continue
        block = rows.replace(b"\n" + _INDENT, b"\n")[len(_INDENT) :]
        block = block if match[2] == b"+" else block.rstrip(b"\n") + (b"" if match[2] else b"\n")
        skeleton += [content[position : match.start(1)], b"!block %d\n" % len(blocks)]
        blocks.append(block)
        position = after.start() + 1
    return b"".join([*skeleton, content[position:]])


class _BlockNumber(int):
    """The number of a block that was cut out."""


class _OurLoader(_Loader):
    """
    The loader of files this module wrote; vcrpy's own is left unchanged.

    It is limited to a depth of ``_DEEPEST``: libyaml's composer recurses for each level, until the stack overflows
    and the process crashes.
    """

    _depth = 0

    def descend_resolver(self, _node: Any, _index: Any) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {_DEEPEST} levels deep")

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def flatten_mapping(self, node: Any) -> None:
        """Merge the mappings that ``<<`` names, with a limit: a chain of such keys doubles the size at each."""
        super().flatten_mapping(node)
        check_merged(len(node.value))


_OurLoader.add_constructor("tag:yaml.org,2002:int", whole_number)


def _binary(loader: Any, node: Any) -> bytes:
    """Construct bytes from the short tag that Ruby writes."""
    return bytes(loader.construct_yaml_binary(node))


def _plain(loader: Any, _tag: str, node: yaml.Node) -> Any:
    """Construct the value of a tag of another language, without its type; of a call its one argument."""
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        items = loader.construct_sequence(node, deep=True)
        return items[0] if len(items) == 1 and isinstance(items[0], str) else items
    return loader.construct_mapping(node, deep=True)


_OurLoader.add_constructor("!binary", _binary)
_OurLoader.add_multi_constructor("tag:yaml.org,2002:python/", _plain)
_OurLoader.add_multi_constructor("!", _plain)
_OurLoader.add_constructor("!block", lambda _, node: _BlockNumber(node.value))


def _put_back(document: Any, blocks: list[bytes]) -> None:
    items = document.get("interactions") if isinstance(document, dict) else None
    for item in items if isinstance(items, list) else ():
        response = item.get("response") if isinstance(item, dict) else None
        body = response.get("body") if isinstance(response, dict) else None
        if isinstance(body, dict) and isinstance(body.get("string"), _BlockNumber) and body["string"] < len(blocks):
            body["string"] = blocks[body["string"]]


def exchange_of(item: Any, where: str, *, ours: bool = True) -> Exchange:
    """Return one interaction of a vcrpy cassette; in one of ``ours`` an empty response must have been received."""
    request, response = _object(item, "request", where), _object(item, "response", where)
    status = _object(response, "status", f"{where}/response")
    x_stream, x_source = (_optional(response, key, f"{where}/response") for key in ("x_stream", "x_source"))
    body = _body(_object(response, "body", f"{where}/response"), f"{where}/response/body")
    code = status.get("code")
    if not isinstance(code, int):
        raise BadCassette(f"{where}/response/status/code: not a number")
    if ours and not body and code == 200 and not x_stream:  # noqa: PLR2004 - an answer
        raise BadCassette(f"{where}/response/body: empty where an answer was due; record it again")
    return Exchange(
        Request(
            _words(request.get("method", "POST"), f"{where}/request/method"),
            _words(request.get("uri", ""), f"{where}/request/uri"),
            _headers(request.get("headers"), f"{where}/request/headers"),
            _bytes(request.get("body"), f"{where}/request/body"),
        ),
        Response(
            code,
            _headers(response.get("headers"), f"{where}/response/headers"),
            body,
            _words(status.get("message") or "", f"{where}/response/status/message"),
            reads=_reads(x_stream, body, f"{where}/response/x_stream"),
            eof=bool(x_stream.get("eof", True)),
            error=_words_if_any(x_stream, "error", f"{where}/response/x_stream"),
            http_version=_words_if_any(x_stream, "http_version", f"{where}/response/x_stream"),
        ),
        _source(x_source, f"{where}/response/x_source"),
    )


def _object(container: Any, key: str, where: str) -> dict[str, Any]:
    value = container.get(key) if isinstance(container, dict) else None
    if not isinstance(value, dict):
        raise BadCassette(f"{where}/{key}: missing or not an object; the file is damaged, record it again")
    return value


def _optional(container: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    return _object(container, key, where) if container.get(key) is not None else {}


def _body(body: dict[str, Any], where: str) -> bytes:
    if "string" not in body:
        raise BadCassette(f"{where}/string: missing; the file is damaged, record it again")
    return _bytes(body["string"], f"{where}/string") or b""


def _bytes(value: Any, where: str) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    raise BadCassette(f"{where}: neither text nor bytes; the file is damaged, record it again")


def _headers(value: Any, where: str) -> Headers:
    pairs: list[tuple[str, str]] = []
    for key, values in value.items() if isinstance(value, dict) else ():
        name = _words(key, where)
        pairs += [(name, _words(one, f"{where}/{name}")) for one in (values if isinstance(values, list) else [values])]
    return Headers(tuple(pairs))


def _reads(x_stream: dict[str, Any], body: bytes, where: str) -> Reads | None:
    if not x_stream.get("sizes"):
        return None
    try:
        sizes = _counts(_words(x_stream["sizes"], where))
        times = _counts(_words(x_stream.get("dt_us", ""), where))
    except ValueError:
        raise BadCassette(f"{where}: sizes and dt_us are whole numbers, none below 0, with spaces between") from None
    if sum(sizes) != len(body) or len(times) not in {0, len(sizes)}:
        raise BadCassette(
            f"{where}: {len(sizes)} sizes add up to {sum(sizes)} with {len(times)} times, "
            f"the body has {len(body)} bytes; the file was edited, record it again"
        )
    return Reads(sizes, times)


def _counts(text: str) -> tuple[int, ...]:
    """Return non-negative integers; raise ValueError for others."""
    found = tuple(map(int, text.split()))
    if any(number < 0 for number in found):
        raise ValueError(text)
    return found


def _source(x_source: dict[str, Any], where: str) -> Source:
    provenance: Any = _words(x_source.get("provenance", "recorded"), f"{where}/provenance")
    fidelity: Any = _words(x_source.get("fidelity", "wire"), f"{where}/fidelity")
    if provenance not in _PROVENANCES:
        raise BadCassette(f"{where}/provenance: {provenance!r}; use one of {', '.join(_PROVENANCES)}")
    if fidelity not in _FIDELITIES:
        raise BadCassette(f"{where}/fidelity: {fidelity!r}; use one of {', '.join(_FIDELITIES)}")
    at, url, note = (_words_if_any(x_source, key, where) for key in ("at", "url", "note"))
    # Publishers who edit a recording have no reason to claim that harness made it.
    ours = provenance == "recorded" and "harness" in x_source
    before = _words_if_any(x_source, "failed_before", where)
    if before and not (before.isascii() and before.isdigit()):
        raise BadCassette(
            f"{where}/failed_before: {before!r} is not a status code; the file was edited, record it again"
        )
    return Source(provenance, at, url, note, fidelity, ours, int(before) if before else None)


def _words(value: Any, where: str) -> str:
    """Return a number, a date or the like as text; containers may be of any depth, or cyclic."""
    if isinstance(value, dict | list | set | tuple):
        raise BadCassette(f"{where}: neither text nor number; the file is damaged, record it again")
    return str(value)


def _words_if_any(container: dict[str, Any], key: str, where: str) -> str | None:
    value = container.get(key)
    return None if value is None else _words(value, f"{where}/{key}")


def write_cassette(path: Path, exchanges: Iterable[Exchange]) -> None:
    """Write a cassette atomically, with everything shaped like a secret redacted."""
    write_atomically(path, dump_cassette(exchanges))


def dump_cassette(exchanges: Iterable[Exchange]) -> bytes:
    """Return the text of a cassette."""
    bodies: list[bytes] = []
    document = {"interactions": [_interaction(exchange, bodies) for exchange in exchanges], "version": 1}
    text = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1 << 30)
    rows = iter(bodies)
    text = _PLACEHOLDER.sub(lambda found: f"{found[1]}{_scalar(next(rows), 8)}", text)
    return _HEADER + text.encode()


def _interaction(exchange: Exchange, bodies: list[bytes]) -> dict[str, Any]:
    exchange = scrub(exchange)
    request, response, source = exchange.request, exchange.response, exchange.source
    bodies.append(response.body)
    answer: dict[str, Any] = {
        "status": {"code": response.status, "message": response.reason},
        "headers": _by_name(response.headers.pairs),
        "body": {"string": "@@"},
    }
    if response.reads or not response.eof or response.http_version:
        answer["x_stream"] = {
            "sizes": " ".join(map(str, response.reads.sizes if response.reads else (len(response.body),))),
            "dt_us": " ".join(map(str, response.reads.dt_us if response.reads else ())),
            "eof": response.eof,
            "error": response.error,
            "http_version": response.http_version,
        }
    told: dict[str, Any] = {"provenance": source.provenance, "at": source.at, "url": source.url, "note": source.note}
    told |= {"fidelity": None if source.fidelity == "wire" else source.fidelity}
    told |= {"failed_before": source.failed_before, "harness": __version__}
    answer["x_source"] = {key: value for key, value in told.items() if value is not None}
    return {
        "request": {
            "method": request.method,
            "uri": request.url,
            "body": _text(request.body) if request.body is not None else None,
            "headers": _by_name(request.headers.pairs),
        },
        "response": answer,
    }


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        headers.setdefault(name, []).append(value)
    return headers


def _text(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


_PLACEHOLDER = re.compile(r"(\n    body:\n      string: )'@@'\n")
_NOT_LITERAL = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
_ROW = re.compile(r"[^\n]*\n+|[^\n]+")


def _scalar(body: bytes, indent: int) -> str:
    """Return a YAML scalar that reads back as ``body``: a literal block if it can be one, else quoted rows."""
    text = _text(body)
    if isinstance(text, bytes):
        return yaml.dump(text, Dumper=_Dumper).replace("\n", "\n" + " " * indent).rstrip(" ")
    if not text or text[0] in " \n" or text.strip(" \n") == "" or _NOT_LITERAL.search(text):
        return _quoted(text, indent)
    ends = len(text) - len(text.rstrip("\n"))
    lines = text.split("\n")
    rows = "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in (lines[:-1] if ends else lines))
    return f"|{ {0: '-', 1: ''}.get(ends, '+') }\n{rows}"


def _quoted(text: str, indent: int) -> str:
    rows = [_ESCAPED.sub(_escape, row) for row in _ROW.findall(text)]
    rows[1:] = [f"\\{row}" if row[:1] == " " else row for row in rows[1:]]
    return '"' + ("\\\n" + " " * indent).join(rows) + '"\n'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return short or (f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}")  # noqa: PLR2004
