"""Checks the choices of a legacy completion and their texts."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, request_known, success_status, uncut
from harness.checks.kinds import n_of_m, place_of, wrong_kinds
from harness.checks.registry import Reason, rule
from harness.printable import count_of
from harness.results import Level, Problem
from harness.simulate.completions.reference import BODY, ECHOED, FILLED, STREAM, TWO, TWO_PROMPTS
from harness.simulate.edits import chunks, drop, has_choice, rename, set_value
from harness.simulate.reference import replace_in_body, with_request_params
from harness.wire.chat.chunks import Choice
from harness.wire.completions.asked import prompts_of, texts_due
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("http.stream-asked", "http.body-asked", "http.no-error", "chunk.present")
_SAID = (*_READ, "completions.no-chat", "completions.text")
_WHOLE = ("sse.no-error", "http.complete")
_OBJECT = "text_completion"
_FINISHES = {"stop", "length", "content_filter"}
_LONG_PROMPT, _LONG_SUFFIX = 20, 8
"""Minimum characters of a prompt, and of a suffix: a model may repeat shorter ones by itself."""


def in_chat_form(chunk: Json) -> None:
    """Convert a chunk to the form of chat completions."""
    chunk["object"] = "chat.completion.chunk"
    for choice in chunk["choices"]:
        choice["delta"] = {"content": choice.pop("text")}


_IN_CHAT = chunks(has_choice, in_chat_form)(STREAM)
_BESIDE = chunks(has_choice, set_value("choices/*/message", {"role": "assistant", "content": "你好"}))(BODY)
_SAYS_SUFFIX = replace_in_body(FILLED, '" n\\n"', '" n\\n    return fib(n - 1) + fib(n - 2)\\n"')
_SAYS_PROMPT = with_request_params(ECHOED, echo=None)


@rule(
    "completions.object", MUST, "`object` is `text_completion`, in a stream and in a body.",
    sources.COMPLETION, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(BODY, _OBJECT, "text.completion"), chunks(has_choice, drop("object"))(STREAM)),
    depends_on=(*_READ, "completions.no-chat"),
)  # fmt: skip
def object_name(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that choose a decoder by it, such as gateways and loggers, reject the answer or read it as chat.

    Instead: Choose by the URL of the request, and read `choices[0].text` whatever the name.
    """
    yield from wrong_kinds(exchange, "/object", {"text", '""'})
    for value, seen in exchange.columns.values["object"].items():
        if isinstance(value, str) and value != _OBJECT:
            where = n_of_m(seen.count, exchange.columns.chunk_count, "chunk")
            yield Problem(f"object is {value!r} in {where}", ((seen.first, "/object"),))


@rule(
    "completions.no-chat", MUST, "No choice has a `delta` or a `message`.",
    sources.COMPLETION, success_status,
    good=(STREAM, BODY),
    bad=(_IN_CHAT, _BESIDE),
    depends_on=_READ,
)  # fmt: skip
def no_chat(exchange: Exchange) -> Iterator[Problem]:
    """
    `choices[0].text` raises AttributeError, or KeyError in raw JSON: the answer has the form of chat completions.

    Instead: Read either form: `choice.get("text") or choice.get("delta", {}).get("content") or ""`.
    """
    for key in ("delta", "message"):
        kinds = exchange.columns.kinds(f"/choices/*/{key}")
        total = sum(seen.count for seen in kinds.values())
        for what, seen in kinds.items():
            if what not in {"missing", "null"}:
                said = f"a {key}, as in chat completions, is in {n_of_m(seen.count, total, 'choice')}"
                yield Problem(said, ((seen.first, seen.pointer),))


@rule(
    "completions.text", MUST, "Every choice has a `text`, which may be empty.",
    sources.COMPLETION, success_status,
    good=(STREAM, BODY),
    bad=(
        chunks(has_choice, set_value("choices/*/text", None), only=slice(0, 1))(STREAM),
        chunks(has_choice, drop("choices/*/text"))(BODY),
        chunks(has_choice, rename("choices/*/text", "content"))(STREAM),
    ),
    depends_on=(*_READ, "completions.no-chat"),
)  # fmt: skip
def text(exchange: Exchange) -> Iterator[Problem]:
    """
    `answer += choice.text` raises TypeError on null; raw JSON raises KeyError if the field is absent.

    Instead: Read it with a default: `answer += getattr(choice, "text", None) or ""`.
    """
    yield from wrong_kinds(exchange, "/choices/*/text", {"text", '""'}, "choice")


_FEW_TOKENS = 8
"""Tokens that may have no text: those of a stop sequence, or of the end."""


def _counted(exchange: Exchange) -> Reason | None:
    """A response with a token count to a known request without stop sequences."""
    stops = exchange.request.get("stop")
    return request_known(exchange) or ("a stop sequence may have come first" if stops else None)


@rule(
    "completions.said", SHOULD, "Text comes if tokens were counted.",
    sources.COMPLETION, _counted,
    good=(STREAM, BODY, chunks(has_choice, set_value("choices/*/text", ""), set_value("usage/completion_tokens", 1), set_value("usage/total_tokens", 19))(BODY)),
    bad=(chunks(has_choice, set_value("choices/*/text", ""), set_value("usage/completion_tokens", 40), set_value("usage/total_tokens", 58))(BODY),),
    depends_on=(*_READ, "completions.text", "completions.no-chat"),
)  # fmt: skip
def said(exchange: Exchange) -> Iterator[Problem]:
    """
    The tokens are billed, and the user sees nothing: an editor offers no completion, an evaluation scores an empty answer.

    Instead: Raise if tokens were counted and no text came, `if not choice.text and usage.completion_tokens > 8:`, and
    ask again.
    """
    usages = exchange.columns.usages
    counted = usages[-1].value.get("completion_tokens") if usages else None
    texts = [choice.fragments("content").text for choice in exchange.columns.choices.values()]
    if type(counted) is int and counted > _FEW_TOKENS and texts and not any(texts):
        yield Problem(f"no text came, and {counted} tokens were counted", ((exchange.columns.last, "/choices"),))


@rule(
    "completions.finish-known", MUST, "`finish_reason` is `stop`, `length` or `content_filter`.",
    sources.COMPLETION, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":"eos_token"'), replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":"end_turn"')),
    depends_on=_READ,
)  # fmt: skip
def finish_known(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that continues at `length` does not, and one that decodes only the three values raises.

    Instead: Treat every value other than `length` and `content_filter` as the end.
    """
    for choice in exchange.columns.choices.values():
        for finish in choice.finish_reasons:
            if finish.value not in _FINISHES:
                yield Problem(f"finish_reason is {finish.value!r}", ((finish.chunk, finish.pointer),))


@rule(
    "completions.choices", MUST, "As many texts are sent as requested: `n` for each prompt.",
    sources.COMPLETION_REQUEST, all_of(request_known, all_of(complete_answer, uncut)),
    good=(STREAM, TWO, TWO_PROMPTS),
    bad=(with_request_params(TWO, n=3), with_request_params(BODY, n=2), with_request_params(BODY, prompt=["a", "b"])),
    depends_on=(*_READ, *_WHOLE), explained_by=("completions.index-in-range", "chunk.index", "chunk.choices"),
)  # fmt: skip
def choices(exchange: Exchange) -> Iterator[Problem]:
    """
    Programs that send prompts in batches assign answers to the wrong prompts, or raise IndexError.

    Instead: Send one prompt per request, and several requests for several texts.
    """
    due, came = texts_due(exchange.request.json), len(exchange.columns.choices)
    if came < due:
        said = f"{count_of(due, 'text was', 'texts were')} asked for, {came} came"
        yield Problem(said, ((exchange.columns.last, "/choices"),))


@rule(
    "completions.index-in-range", SHOULD, "The `index` of a choice is less than the number of texts requested.",
    sources.COMPLETION_REQUEST, request_known,
    good=(STREAM, TWO, TWO_PROMPTS),
    bad=(replace_in_body(STREAM, '"index":0', '"index":1'), replace_in_body(TWO_PROMPTS, '"index":1', '"index":2')),
    depends_on=_READ,
)  # fmt: skip
def index_in_range(exchange: Exchange) -> Iterator[Problem]:
    """
    `answers[choice.index]` raises IndexError; code that keeps texts by index gets one word in each.

    Instead: If you requested one text, treat each choice as that text, whatever its index.
    """
    due, found = texts_due(exchange.request.json), exchange.columns.choices
    beyond = [choice for number, choice in found.items() if number >= due]
    for choice in beyond[:1]:
        many = (
            f"the index of a choice goes to {max(found)}"
            if len(beyond) > 1
            else f"a choice has the index {choice.index}"
        )
        yield Problem(f"{many}, {due} asked for", (place_of(exchange, choice, choice.first_chunk, "/index"),))


def _echo_asked(exchange: Exchange) -> Reason | None:
    """A response to a request with ``echo``."""
    asked = exchange.request.get("echo") is True
    return request_known(exchange) or (None if asked else "the prompt was not asked for")


def _echo_not_asked(exchange: Exchange) -> Reason | None:
    """A response to a request without ``echo``."""
    asked = exchange.request.get("echo")
    return request_known(exchange) or ("the prompt was asked for" if asked else None)


def _prompted(exchange: Exchange) -> Iterator[tuple[Choice, str]]:
    """Yield each choice with its prompt, if that is known as text."""
    prompts = prompts_of(exchange.request.json)
    each = max(texts_due(exchange.request.json) // len(prompts), 1)
    for number, choice in exchange.columns.choices.items():
        prompt = prompts[number // each] if 0 <= number < each * len(prompts) else None
        if prompt:
            yield choice, prompt


@rule(
    "completions.echo", MUST, "The text starts with the prompt if `echo` asks for it.",
    sources.COMPLETION_REQUEST, all_of(_echo_asked, all_of(complete_answer, uncut)),
    good=(ECHOED,),
    bad=(with_request_params(BODY, echo=True), replace_in_body(ECHOED, "The sky at dawn", "the sky at dawn")),
    depends_on=(*_SAID, *_WHOLE), explained_by=("completions.index-in-range",),
)  # fmt: skip
def echo(exchange: Exchange) -> Iterator[Problem]:
    """
    Evaluations that remove the prompt by its length, `text[len(prompt):]`, remove the answer.

    Instead: Do not request `echo`; put the prompt before the text yourself.
    """
    for choice, prompt in _prompted(exchange):
        if not choice.fragments("content").text.startswith(prompt):
            where = place_of(exchange, choice, choice.first_chunk, "/{part}/content")
            yield Problem(f"the text of choice {choice.index} does not begin with its prompt", (where,))


@rule(
    "completions.no-echo", SHOULD, "The text does not start with the prompt unless `echo` asks for it.",
    sources.COMPLETION_REQUEST, _echo_not_asked,
    good=(STREAM, BODY),
    bad=(_SAYS_PROMPT,),
    depends_on=_SAID,
)  # fmt: skip
def no_echo(exchange: Exchange) -> Iterator[Problem]:
    """
    An editor inserts the user's own text a second time.

    Instead: Remove it: `text = text.removeprefix(prompt)`.
    """
    for choice, prompt in _prompted(exchange):
        said = choice.fragments("content").text
        if len(prompt) >= _LONG_PROMPT and said.startswith(prompt):
            where = place_of(exchange, choice, choice.first_chunk, "/{part}/content")
            yield Problem(f"the text of choice {choice.index} begins with its prompt", (where,))


def _suffix_given(exchange: Exchange) -> Reason | None:
    """A response that fills the gap before a suffix of some length."""
    suffix = exchange.request.get("suffix")
    given = isinstance(suffix, str) and len(suffix.strip()) >= _LONG_SUFFIX
    return request_known(exchange) or (None if given else "no suffix was given, or a short one")


@rule(
    "completions.suffix", SHOULD, "The text ends before the suffix and does not repeat it.",
    sources.FILL_IN, _suffix_given,
    good=(FILLED,),
    bad=(_SAYS_SUFFIX,),
    depends_on=_SAID,
)  # fmt: skip
def suffix(exchange: Exchange) -> Iterator[Problem]:
    """
    An editor shows the lines after the cursor twice.

    Instead: Remove it: `text = text.removesuffix(suffix)`.
    """
    given = str(exchange.request.get("suffix")).strip()
    for choice in exchange.columns.choices.values():
        if choice.fragments("content").text.rstrip().endswith(given):
            where = place_of(exchange, choice, choice.last_chunk, "/{part}/content")
            yield Problem(f"the text of choice {choice.index} ends with the suffix", (where,))
