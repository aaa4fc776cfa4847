"""Compares the streaming and the non-streaming response to the same request."""

import re
from collections.abc import Iterator

from harness.checks import sources
from harness.checks.chat.paired import both_answers, counts_alike, is_moved, pair_answered
from harness.checks.registry import Reason, Unread, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body, with_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import REASONING_CHANNELS, as_object, objects_in
from harness.wire.siblings import digest

SHOULD = Level.SHOULD

_CHAT, _TOOLS, _REASONING = (recording(SCENARIOS[f"parity.{name}"])[1] for name in ("chat", "tools", "reasoning"))
_NOTHING = digest(None)
_ALWAYS = re.compile(r"reasoner|(?<!non-)thinking|\bqwq\b|\br1\b")
"""The names of models that always think."""
_SERVED = ("plugins", "web_search_options", "enable_search", "search_parameters")
_IN_TEXT = Advice(
    "In one of the modes, the user reads the reasoning as the answer, and it is sent back as such.",
    "Use the mode that keeps the two apart, and join the stream yourself if you need one text.",
)
_LOST_THOUGHT = Advice(
    "Only one mode returns the reasoning: the other shows nothing while the model thinks, and sends back turns "
    "without it.",
    "Use the mode that returns it, and convert if you need the other: join the stream, or pass the body on as one "
    "chunk.",
)
_MOVED = Advice(
    "In one of the modes the user reads the end of the reasoning as the answer, or misses the beginning of the answer.",
    "Ask in the mode that keeps the two apart, most often without `stream=True`; the client cannot tell where the reasoning ends.",
)
_MOVED_THOUGHT = replace_in_body(
    replace_in_body(_REASONING, "greets me.", "greets me. I greet"), '"content":"你好', '"content":"back.你好'
)
_HELD = ("chunk.present", "sse.no-error", "http.complete")


def _counted(exchange: Exchange) -> Reason | None:
    """The same, if both count a prompt no larger than what was sent."""
    found = pair_answered(exchange)
    if found:
        return found
    if any(one.altered for one in both_answers(exchange)):
        return "the publisher of the recording altered it"
    if _serves_tools(exchange):
        return "the server runs a tool, whose results count as prompt"
    return None if all(type(one.prompt_tokens) is int for one in both_answers(exchange)) else "not both have usage"


def _serves_tools(exchange: Exchange) -> bool:
    """Return whether the request uses a server-side tool, such as web search."""
    asked = exchange.request
    served = any(tool.get("type") != "function" for tool in objects_in(asked.get("tools")))
    return served or any(asked.get(name) for name in _SERVED) or str(asked.get("model")).endswith(":online")


@rule(
    "parity.channels", SHOULD, "Text is in the same fields, streamed or not.",
    sources.REFERENCE, pair_answered,
    good=(_CHAT, _REASONING),
    bad=(replace_in_body(_REASONING, '"reasoning_content"', '"reasoning"'), replace_in_body(_REASONING, '"reasoning_content":"The user greets me.",', ""), _MOVED_THOUGHT),
    depends_on=_HELD,
)  # fmt: skip
def channels(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that learned the field in one mode loses the text in the other.

    Instead: Look for every name of the reasoning field in both modes.
    """
    both = both_answers(exchange)
    streamed, whole = (one.channels for one in both)
    if is_moved(*both):
        said = "the reasoning ends at another place streamed than in one body: part of it is in content, or part of the text in it"
        yield Problem(said, ((exchange.columns.first, ""),), _MOVED)
        return
    for one, other, where in ((both[0], both[1], "in one body"), (both[1], both[0], "streamed")):
        if one.all_letters and one.all_letters == other.letters:
            thought = ", ".join(sorted(one.channels & set(REASONING_CHANNELS)))
            yield Problem(
                f"{where} the reasoning is in content, before the text; otherwise it is in {thought}",
                ((exchange.columns.first, ""),),
                _IN_TEXT,
            )
            return
    if exchange.siblings is not None and not _same_thinking(exchange):
        return
    # Text beside a call is the model's choice, so only fields about the form are compared.
    if streamed - {"content"} != whole - {"content"}:
        said = f"streamed: {', '.join(sorted(streamed)) or 'none'}; in one body: {', '.join(sorted(whole)) or 'none'}"
        lost = {bool(one & set(REASONING_CHANNELS)) for one in (streamed, whole)} == {True, False}
        yield Problem(said, ((exchange.columns.first, ""),), _LOST_THOUGHT if lost else None)


def _same_thinking(exchange: Exchange) -> bool:
    """
    Return whether both have reasoning, or neither: the model decides, unless the request or the responses rule that
    out.

    Equal texts, word for word, or deterministic settings show the same decision; a response without reasoning may
    have counted it.
    """
    both = both_answers(exchange)
    shown = [bool(one.channels & set(REASONING_CHANNELS)) for one in both]
    said = both[0].text == both[1].text != _NOTHING
    counted = any(one.thought and not told for one, told in zip(both, shown, strict=True))
    asked = exchange.request
    always = _ALWAYS.search(str(asked.get("model")).lower()) or asked.get("temperature") == 0 or _thinks(exchange)
    return shown[0] == shown[1] or said or counted or bool(always)


def _thinks(exchange: Exchange) -> bool:
    """Return whether thinking is forced on, without a choice for the model."""
    asked = exchange.request
    template = as_object(asked.get("chat_template_kwargs")).get("enable_thinking")
    return (
        asked.get("enable_thinking") is True
        or template is True
        or as_object(asked.get("thinking")).get("type") == "enabled"
    )


@rule(
    "parity.finish", SHOULD, "`finish_reason` is the same, streamed or not.",
    sources.REFERENCE, pair_answered,
    good=(_CHAT, _TOOLS),
    bad=(replace_in_body(_CHAT, '"finish_reason":"stop"', '"finish_reason":"length"'),),
    depends_on=_HELD,
    dialects=WITH_CHOICES,
)  # fmt: skip
def finish(exchange: Exchange) -> Iterator[Problem]:
    """
    A loop that works with streaming ends early, or never ends, without.

    Instead: Decide by the calls and the text, not by the reason alone.
    """
    streamed, whole = both_answers(exchange)
    # The two are separate generations: they end differently if the model calls a tool in only one, or says more, or
    # something else, in one and meets the cap or a filter there.
    if streamed.text != whole.text and {streamed.finish_reason, whole.finish_reason} & {"length", "content_filter"}:
        raise Unread("parity.spaces")
    if bool(streamed.tools) == bool(whole.tools) and streamed.finish_reason != whole.finish_reason:
        said = f"streamed: {streamed.finish_reason}; in one body: {whole.finish_reason}"
        yield Problem(said, ((exchange.columns.last, "/choices/0/finish_reason"),))


@rule(
    "parity.prompt-tokens", SHOULD, "The same prompt has the same number of tokens, streamed or not.",
    sources.USAGE, _counted,
    good=(_CHAT, _TOOLS),
    bad=(replace_in_body(_CHAT, '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13', '"prompt_tokens":90,"completion_tokens":4,"total_tokens":94'),),
    depends_on=_HELD,
    dialects=WITH_CHOICES,
)  # fmt: skip
def prompt_tokens(exchange: Exchange) -> Iterator[Problem]:
    """
    One of the two bills is wrong.

    Instead: Count the prompt once with the model's tokenizer, and compare.
    """
    streamed, whole = (one.prompt_tokens for one in both_answers(exchange))
    if streamed != whole:
        place = (exchange.columns.usages[-1].chunk, "/usage/prompt_tokens")
        yield Problem(f"prompt_tokens streamed: {streamed}; in one body: {whole}", (place,))


@rule(
    "parity.tool-calls", SHOULD, "The same tools are called, streamed or not.",
    sources.REFERENCE, lambda x: pair_answered(x) or (None if any(one.tools for one in both_answers(x)) else "no tool was called"),
    good=(_TOOLS,),
    bad=(replace_in_body(_TOOLS, '"name":"get_weather"', '"name":"get_time"'), with_body(_TOOLS, _CHAT.response.body)),
    depends_on=_HELD,
)  # fmt: skip
def tool_calls(exchange: Exchange) -> Iterator[Problem]:
    """
    An agent works in one mode and calls no tool, or another one, in the other.

    Instead: Use the mode in which the calls come, and join the stream yourself if you need both.
    """
    streamed, whole = (one.tools for one in both_answers(exchange))
    if streamed != whole and (exchange.siblings is None or _lost(exchange)):
        said = f"streamed: {', '.join(streamed) or 'none'}; in one body: {', '.join(whole) or 'none'}"
        yield Problem(said, ((exchange.columns.last, ""),))


def _lost(exchange: Exchange) -> bool:
    """
    Return whether differing calls can't be the model's choice, as in a scenario, which leaves none.

    Another tool is called, or one more often, under deterministic settings; or none, without any text instead.
    """
    streamed, whole = both_answers(exchange)
    if set(streamed.tools) == set(whole.tools):
        return counts_alike(exchange) or exchange.request.get("temperature") == 0
    silent = next((one for one in (streamed, whole) if not one.tools), None)
    empty = silent is not None and (silent.text == _NOTHING or silent.finish_reason == "tool_calls")
    choice = exchange.request.get("tool_choice")
    certain = isinstance(choice, dict) or choice not in {None, "auto"}
    return empty or certain or exchange.request.get("temperature") == 0


@rule(
    "parity.spaces", SHOULD, "White space in the text is the same, streamed or not.",
    sources.REFERENCE, pair_answered,
    good=(_CHAT, _REASONING, replace_in_body(_CHAT, '"content":"你好', '"content":"\\n\\n你好')),
    bad=(replace_in_body(_CHAT, "How can I help?", "HowcanIhelp?"),),
    depends_on=_HELD,
    dialects=WITH_CHOICES,
)  # fmt: skip
def spaces(exchange: Exchange) -> Iterator[Problem]:
    """
    Words run together, or code loses its indents, in one of the modes: what is shown depends on `stream`.

    Instead: Use the mode that keeps them, most often without `stream=True`: the client cannot restore them.
    """
    streamed, whole = both_answers(exchange)
    if streamed.letters and streamed.letters == whole.letters and streamed.text != whole.text:
        place = (exchange.columns.first, "")
        yield Problem("the texts differ only in white space: one mode loses or adds some", (place,))


@observation(
    "parity.text", "Whether the text is the same, streamed or not.",
    sources.REFERENCE, pair_answered,
    good=(_CHAT,),
    bad=(replace_in_body(_CHAT, "How can I help?", "Hello!"),),
    depends_on=_HELD,
    dialects=WITH_CHOICES,
)  # fmt: skip
def text(exchange: Exchange) -> str:
    """
    If they often differ, one of the modes may lose pieces; few models repeat themselves exactly.

    Instead: Compare completion_tokens with the text's length before blaming the model.
    """
    streamed, whole = both_answers(exchange)
    return "same" if streamed.text == whole.text else "differs"
