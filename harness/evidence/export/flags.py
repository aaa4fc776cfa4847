"""Derives the flags that clients know from findings."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.matrix.providers import Model
from harness.results import Finding, Outcome
from harness.wire.dialect import DialectName

_NOT_PASSED = frozenset({Outcome.FAIL, Outcome.KNOWN, Outcome.CHANGED})
_UNASKED = " (not asked)"
_UNKNOWN = " (request unknown)"


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged recording: its model and scenario, and its findings by check."""

    model: Model
    scenario: str
    findings: Mapping[str, Finding]

    def values(self, check: str) -> Iterator[str]:
        """Yield the values of an observation in each exchange."""
        finding = self.findings.get(check)
        if finding and finding.outcome is Outcome.OBSERVED:
            yield from (finding.value or "").split(" | ")

    def message(self, check: str) -> str | None:
        """Return the problem that a rule found; "" if it passed, None if it was not judged."""
        finding = self.findings.get(check)
        if finding and finding.outcome in _NOT_PASSED:
            return finding.message
        return "" if finding and finding.outcome is Outcome.PASS else None


Value = bool | str


def parameters(judged: Judged) -> Iterator[tuple[str, str]]:
    """Yield each parameter that a recording tested, and the result."""
    for value in judged.values("params.outcome"):
        what, _, became = value.rpartition(": ")
        yield what, became


def _taken(what: str) -> Callable[[Judged], Iterator[Value]]:
    """Whether a tested parameter was accepted; an ignored one was not rejected."""

    def flag(judged: Judged) -> Iterator[Value]:
        return (not became.startswith("refused") for tried, became in parameters(judged) if tried == what)

    return flag


def _observed(check: str) -> Callable[[Judged], Iterator[Value]]:
    return lambda judged: judged.values(check)


def _usage(judged: Judged) -> Iterator[str]:
    """Yield the places of usage in streams that request it."""
    return (value for value in judged.values("usage.place") if not value.endswith((_UNASKED, _UNKNOWN)))


def _usage_unasked(judged: Judged) -> Iterator[Value]:
    return (value.removesuffix(_UNASKED) for value in judged.values("usage.place") if value.endswith(_UNASKED))


def _usage_comes(judged: Judged) -> Iterator[Value]:
    return (value != "none" for value in _usage(judged))


def _empty_choices(judged: Judged) -> Iterator[Value]:
    stray = judged.message("chunk.choices-not-empty")
    return (bool(stray) or "own chunk" in value.split(" + ") for value in _usage(judged) if stray is not None)


def _json_mode(name: str) -> Callable[[Judged], Iterator[Value]]:
    def flag(judged: Judged) -> Iterator[Value]:
        modes = (value for value in judged.values("structured.mode") if value.startswith(name))
        return (value == f"{name}: JSON" for value in modes)

    return flag


def _cap(judged: Judged) -> Iterator[Value]:
    caps = {"max_tokens", "max_completion_tokens"}
    return (what for what, became in parameters(judged) if what in caps and became == "honoured")


def _reasoning_required(judged: Judged) -> Iterator[Value]:
    outcomes = (value.rpartition(": ") for value in judged.values("multi_turn.reasoning"))
    return (became.startswith("refused") for what, _, became in outcomes if what == "reasoning left out")


def _made_to_think(judged: Judged) -> bool:
    """Return whether thinking was turned on, with reasoning in the response."""
    return any(value != "nothing" for value in judged.values("reasoning.on"))


def _effort(judged: Judged) -> Iterator[Value]:
    if _made_to_think(judged) and "reasoning_effort" in (judged.model.thinking.enable or {}):
        yield True


_SWITCHES = {
    "thinking": "deepseek", "enable_thinking": "qwen", "chat_template_kwargs": "qwen-chat-template",
    "reasoning": "openrouter", "reasoning_effort": "openai",
}  # fmt: skip
"""Thinking switches, in the words of clients; one beside reasoning_effort is more specific than it."""


def _switch(judged: Judged) -> Iterator[Value]:
    if _made_to_think(judged):
        given = judged.model.thinking.enable or {}
        yield from [name for key, name in _SWITCHES.items() if key in given][:1]


def _reasoning_field(judged: Judged) -> Iterator[Value]:
    hidden = "tokens" in judged.values("reasoning.on")
    return (value for value in judged.values("reasoning.place") if value != "none" or hidden)


def _index(judged: Judged) -> Iterator[Value]:
    messages = {name: judged.message(f"tool_calls.index{name}") for name in ("", "-from-0", "-distinct")}
    if messages[""]:
        yield next((word for word in _IN_ITS_PLACE if f"index is {word}" in messages[""]), "no number")
    elif messages["-from-0"]:
        yield "not from 0"
    elif messages["-distinct"]:
        yield "shared"
    elif messages[""] is not None:
        yield "given"


_IN_ITS_PLACE = ("absent", "null")


def _stream_type(judged: Judged) -> Iterator[Value]:
    """Yield the media type of a Messages response that is only a stream."""
    types = list(judged.values("http.media-type"))
    if len(types) == 1 and list(judged.values("messages.done")):
        yield from types


def _media_type(judged: Judged) -> Iterator[Value]:
    """Yield the media type if all responses are streams: with a body among them, its owner is ambiguous."""
    types = list(judged.values("http.media-type"))
    if len(types) == 1 and list(judged.values("finish_reason.form")):
        yield from types


FLAGS: dict[str, Callable[[Judged], Iterable[Value]]] = {
    "supports_developer_role": _taken("developer role"),
    "supports_store": _taken("store"),
    "supports_usage_in_streaming": _usage_comes,
    "supports_reasoning_effort": _effort,
    "supports_json_object": _json_mode("json_object"),
    "supports_json_schema": _json_mode("json_schema"),
    "max_tokens_field": _cap,
    "requires_reasoning_content_on_assistant_messages": _reasoning_required,
    "thinking_format": _switch,
    "reasoning_field": _reasoning_field,
    "usage_placement": _usage,
    "usage_placement_unasked": _usage_unasked,
    "empty_choices_chunk": _empty_choices,
    "tool_delta_index": _index,
    "tool_arguments": _observed("tool_calls.pieces"),
    "finish_reason_before_end": _observed("finish_reason.form"),
    "role_pattern": _observed("role.pattern"),
    "done_marker": _observed("sse.end"),
    "error_envelope": _observed("error.shape"),
    "stream_media_type": _media_type,
}
"""The derivation of each flag of chat: the values that one recording shows."""


def _kept(check: str) -> Callable[[Judged], Iterator[Value]]:
    """Whether a rule passes."""

    def flag(judged: Judged) -> Iterator[Value]:
        said = judged.message(check)
        if said is not None:
            yield said == ""

    return flag


def _overlap(judged: Judged) -> Iterator[Value]:
    return (not kept for kept in _kept("messages.one-block-open")(judged))


def _key_header(judged: Judged) -> Iterator[Value]:
    """Yield the header whose key alone was accepted."""
    header = _KEY_ALONE.get(judged.scenario)
    if header and judged.message("http.status") == "":
        yield header


_KEY_ALONE = {"messages.bearer": "authorization", "messages.x-api-key": "x-api-key"}

MESSAGES_FLAGS: dict[str, Callable[[Judged], Iterable[Value]]] = {
    "messages_blocks_overlap": _overlap,
    "messages_stop_sequence_told": _kept("messages.stop-sequence"),
    "messages_cap_kept": _kept("messages.cap-kept"),
    "messages_cap_required": _kept("messages.cap-required"),
    "messages_input_counted_at_start": _kept("messages.input-counted"),
    "messages_thought_signed": _kept("messages.signed"),
    "messages_system_role": _kept("messages.system-taken"),
    "messages_count_tokens": _kept("messages.count-served"),
    "messages_error_envelope": _kept("messages.error-envelope"),
    "messages_key_header": _key_header,
    "messages_media_type": _stream_type,
}
"""The same of Anthropic Messages."""


def _honoured(what: str) -> Callable[[Judged], Iterator[Value]]:
    """Whether a tested parameter had its effect."""
    return lambda judged: (became == "honoured" for tried, became in parameters(judged) if tried == what)


def _probabilities(judged: Judged) -> Iterator[Value]:
    """Yield the form of requested log probabilities."""
    given, formed = (judged.message(f"completions.logprobs-{name}") for name in ("given", "form"))
    if given:
        yield "none"
    elif given is not None and formed is not None:
        yield "other" if formed else "lists"


COMPLETIONS_FLAGS: dict[str, Callable[[Judged], Iterable[Value]]] = {
    "completions_suffix": _taken("suffix"),
    "completions_echo": _kept("completions.echo"),
    "completions_several": _honoured("n"),
    "completions_logprobs": _probabilities,
    "completions_text_everywhere": _kept("completions.text"),
    "completions_usage_placement": _usage,
    "completions_usage_placement_unasked": _usage_unasked,
    "completions_finish_reason_before_end": _observed("finish_reason.form"),
    "completions_done_marker": _observed("sse.end"),
    "completions_error_envelope": _observed("error.shape"),
}
"""The same of legacy completions."""

FLAGS_OF: dict[DialectName, dict[str, Callable[[Judged], Iterable[Value]]]] = {
    "chat": FLAGS,
    "messages": MESSAGES_FLAGS,
    "completions": COMPLETIONS_FLAGS,
}
"""The flags of each dialect, derived from its recordings alone."""
