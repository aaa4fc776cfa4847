"""Checks the texts of a message: each sent once, in whole characters, as in chat completions."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of
from harness.checks.chat.repeated_text import told
from harness.checks.marks import mojibake, replacement
from harness.checks.messages.answers import BEGUN, answer, of_kind, served_by_them, told_why, whole
from harness.checks.registry import Reason, rule
from harness.results import Advice, Level, Problem
from harness.simulate.edits import chunks, replace_bytes, set_value
from harness.simulate.messages.edits import saying, typed
from harness.simulate.messages.reference import BODY, STREAM, THINKING, TOOL, TWO_TOOLS
from harness.wire.exchange import Exchange
from harness.wire.messages.columns import Block
from harness.wire.shapes import Json

_TEXT = typed("content_block_delta", "text_delta")
_THOUGHT = typed("content_block_delta", "thinking_delta")
_SPOKEN = "Four trains leave today; the next at nine."
_PIECES = ("Four", " trains", " leave", " today;", " the", " next", " at", " nine.")
_READ = (
    *BEGUN,
    "messages.event-type",
    "messages.event-keys",
    "messages.content-list",
    "messages.block-started",
    "messages.delta-kind",
    "messages.delta-keys",
)
_KINDS = (("text", "text_delta", "text"), ("thinking", "thinking_delta", "thought"))
"""Kinds of blocks with content, the kind of their deltas, and a word for the content."""


def _any(_chunk: Json) -> bool:
    return True


def _said(exchange: Exchange) -> Reason | None:
    """A message with a text or thinking."""
    return answer(exchange) or (None if of_kind(exchange, "text", "thinking") else "no text came")


def _place(block: Block, number: int, key: str) -> tuple[int, str]:
    return (block.deltas[number][0], f"/delta/{key}") if block.deltas else (block.event, f"{block.pointer}/{key}")


@rule(
    "messages.said-once", Level.SHOULD, "A text comes once: no delta repeats what the ones before it brought.",
    sources.MESSAGES_STREAM, all_of(_said, whole),
    good=(STREAM, BODY, THINKING, TWO_TOOLS),
    bad=(
        saying(_TEXT, "text", *(_SPOKEN[:end] for end in (5, 11, 17, 28, 40)))(STREAM),
        saying(_TEXT, "text", *(piece for piece in _PIECES for _ in range(2)))(STREAM),
        saying(_TEXT, "text", *_PIECES, _SPOKEN)(STREAM),
        saying(_THOUGHT, "thinking", *(piece for piece in _PIECES for _ in range(2)))(THINKING),
    ),
    depends_on=_READ,
)  # fmt: skip
def said_once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients append every delta: the user reads the words twice or many times, and they go back as history.

    Instead: Keep what is new: `new = piece[len(text):] if piece.startswith(text) else piece`.
    """
    for kind, delta, noun in _KINDS:
        for block in of_kind(exchange, kind):
            found = told(list(block.texts.get(delta, ())), noun)
            if found:
                _, piece, message, advice = found
                yield Problem(message, (_place(block, min(piece, len(block.deltas) - 1), kind),), advice)
                return


_NUL = Advice(
    "Legal JSON; PostgreSQL refuses the text, C libraries end it there, terminals and logs show nothing.",
    'Remove it before you store it: `text.replace("\\x00", "")`.',
)
_HALF = Advice(
    "The server cut a character in two: `text.encode()` raises UnicodeEncodeError, and orjson, Go and Rust refuse the event.",
    'Join all pieces first, then `text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")`.',
)
_GARBLED = Advice(
    "The user reads sequences such as Ã¼ in place of letters.",
    'Undo it: `text.encode("latin-1").decode()`, and keep the text if that raises UnicodeError.',
)


@rule(
    "messages.whole-characters", Level.SHOULD, "Text holds whole characters, read in their own encoding.",
    sources.JSON_CHARACTERS, _said,
    good=(STREAM, BODY, TOOL, replace_bytes("你好".encode(), b"\\ud83d\\ude00")(STREAM)),
    bad=(
        replace_bytes("你好".encode(), "你\ufffd".encode())(STREAM),
        replace_bytes("你好".encode(), b"\\ud83d")(STREAM),
        replace_bytes("你好".encode(), b"\\u0000")(STREAM),
        saying(_THOUGHT, "thinking", "Die ZÃ¼ge", " fahren Ã¼ber Parma.")(THINKING),
        saying(_TEXT, "text", "Die ZÃ¼ge fahren Ã¼ber Piacenza.")(STREAM),
    ),
    depends_on=(*_READ, "sse.utf8", "http.utf8"),
)  # fmt: skip
def whole_characters(exchange: Exchange) -> Iterator[Problem]:
    """
    The server split a character between two tokens and replaced the halves: the character is lost.

    Instead: The client cannot restore the character; report it to the provider, and ask again with `stream=False`.
    """
    halves = exchange.reading.half_characters
    if halves:
        yield Problem("half of a surrogate pair is in the text", ((halves[0], ""),), _HALF)
        return
    asked = (exchange.request.body or b"").decode("utf-8", "replace")
    for kind, _, _ in _KINDS:
        for block in of_kind(exchange, kind):
            said = block.text or block.thinking
            place = _place(block, -1, kind)
            garbled = mojibake(said)
            if "\x00" in said:
                yield Problem("the text holds NUL", (place,), _NUL)
            elif replacement(said) and "\ufffd" not in asked:
                yield Problem("the text holds U+FFFD", (place,))
            elif garbled and garbled not in asked:
                yield Problem(f"the text is UTF-8 that was read as another encoding: {garbled}", (place,), _GARBLED)
            else:
                continue
            return


_FEW_TOKENS = 8
"""Tokens that may have no text: those by which a model ends its turn."""


def _counted(exchange: Exchange) -> Reason | None:
    """A complete message that ends by itself and counts more tokens than the end takes."""
    many = (exchange.turn.counts.output or 0) > _FEW_TOKENS and not served_by_them(exchange)
    ended = exchange.turn.stop in {"end_turn", "stop"}
    return told_why(exchange) or (None if many and ended else "few tokens were counted, or it did not end by itself")


@rule(
    "messages.said", Level.SHOULD, "A message says something if tokens were counted.",
    sources.MESSAGES_API, _counted,
    good=(STREAM, BODY, chunks(_any, set_value("content", []), set_value("usage/output_tokens", 3))(BODY)),
    bad=(chunks(_any, set_value("content", []))(BODY), saying(_TEXT, "text", "")(STREAM)),
    depends_on=(*_READ, "messages.usage-whole-numbers"),
)  # fmt: skip
def said(exchange: Exchange) -> Iterator[Problem]:
    """
    The user sees an empty answer that was reported as a success and billed; an agent ends its turn without a word.

    Instead: Raise if nothing came, `if not any(block.type != "text" or block.text for block in message.content):`, and ask
    again.
    """
    if not any(block.kind != "text" or block.text for block in exchange.message.blocks):
        tokens, last = exchange.turn.counts.output, exchange.message.usages[-1]
        place = ((last.event, f"{last.pointer}/output_tokens"),)
        yield Problem(f"nothing came, and {tokens} output_tokens were counted", place)
