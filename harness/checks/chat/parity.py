"""The same question streamed and in one body: what the two answers have in common."""

import re
from collections.abc import Iterator
from dataclasses import replace

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.registry import Reason, Unread, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body, with_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import REASONING_CHANNELS, as_object, objects_in
from harness.wire.siblings import Sibling, digest

SHOULD = Level.SHOULD

_CHAT, _TOOLS, _REASONING = (recording(SCENARIOS[f"parity.{name}"])[1] for name in ("chat", "tools", "reasoning"))
_HELP, _LONG_HELP = " help?", " help you with the trains of today, of tomorrow and of the week?"
_LONG_CHAT = replace(
    replace_in_body(_CHAT, _HELP, _LONG_HELP),
    earlier=tuple(replace_in_body(one, _HELP, _LONG_HELP) for one in _CHAT.earlier),
)
_NOTHING = digest(None)
_ALWAYS = re.compile(r"reasoner|(?<!non-)thinking|\bqwq\b|\br1\b")
"""The names of models that think whatever they are asked."""
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
_HEAD_LOST = Advice(
    "The user reads an answer whose first words are missing; JSON and code without their beginning can't be parsed.",
    "Ask in the mode that gives all of it; see whether the first chunk, that of the role, brings text: take `delta.content` there too.",
)
_HELD = ("chunk.present", "sse.no-error", "http.complete")


def _other(exchange: Exchange) -> Sibling | None:
    """Return the earlier exchange that asked the same in the other way; None if there is none."""
    return exchange.before.counterpart(exchange.facts)


def _pair(exchange: Exchange) -> Reason | None:
    """The same was asked streamed and in one body, in this recording or this archive, and both answers are whole."""
    found = success_status(exchange) or (None if _other(exchange) else "the same was not asked the other way")
    return found or (None if exchange.facts.answered else "one of the answers is empty")


def _both(exchange: Exchange) -> tuple[Sibling, Sibling]:
    """Return what is known of the answer that was streamed, and of the one in the body."""
    here, there = exchange.facts, _other(exchange) or exchange.facts
    return (here, there) if here.is_stream else (there, here)


def _counted(exchange: Exchange) -> Reason | None:
    """The same, where both count a prompt that is no more than was sent."""
    found = _pair(exchange)
    if found:
        return found
    if any(one.altered for one in _both(exchange)):
        return "the publisher of the recording altered it"
    if _serves_tools(exchange):
        return "the server runs a tool, whose results count as prompt"
    return None if all(type(one.prompt_tokens) is int for one in _both(exchange)) else "not both have usage"


def _serves_tools(exchange: Exchange) -> bool:
    """Tell whether a tool is asked for that the server runs, such as a search of the web."""
    asked = exchange.request
    served = any(tool.get("type") != "function" for tool in objects_in(asked.get("tools")))
    return served or any(asked.get(name) for name in _SERVED) or str(asked.get("model")).endswith(":online")


@rule(
    "parity.channels", SHOULD, "Text is in the same fields, streamed or not.",
    sources.REFERENCE, _pair,
    good=(_CHAT, _REASONING),
    bad=(replace_in_body(_REASONING, '"reasoning_content"', '"reasoning"'), replace_in_body(_REASONING, '"reasoning_content":"The user greets me.",', "")),
    depends_on=_HELD,
)  # fmt: skip
def channels(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that learned the field in one mode loses the text in the other.

    Instead: Look for every name of the reasoning field in both modes.
    """
    both = _both(exchange)
    streamed, whole = (one.channels for one in both)
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
    # What a model says beside a call is its own choice, so only fields that tell of the form are held together.
    if streamed - {"content"} != whole - {"content"}:
        said = f"streamed: {', '.join(sorted(streamed)) or 'none'}; in one body: {', '.join(sorted(whole)) or 'none'}"
        lost = {bool(one & set(REASONING_CHANNELS)) for one in (streamed, whole)} == {True, False}
        yield Problem(said, ((exchange.columns.first, ""),), _LOST_THOUGHT if lost else None)


def _same_thinking(exchange: Exchange) -> bool:
    """
    Tell whether both thought, or neither: it is a model's choice, but where the request or the answers leave it none.

    Those who say the same to the same question, word for word, or leave nothing to chance, chose alike; and who shows no
    thought may have counted it.
    """
    both = _both(exchange)
    shown = [bool(one.channels & set(REASONING_CHANNELS)) for one in both]
    said = both[0].text == both[1].text != _NOTHING
    counted = any(one.thought and not told for one, told in zip(both, shown, strict=True))
    asked = exchange.request
    always = _ALWAYS.search(str(asked.get("model")).lower()) or asked.get("temperature") == 0 or _thinks(exchange)
    return shown[0] == shown[1] or said or counted or bool(always)


def _thinks(exchange: Exchange) -> bool:
    """Tell whether thinking was turned on, in a way that leaves the model no choice."""
    asked = exchange.request
    template = as_object(asked.get("chat_template_kwargs")).get("enable_thinking")
    return (
        asked.get("enable_thinking") is True
        or template is True
        or as_object(asked.get("thinking")).get("type") == "enabled"
    )


@rule(
    "parity.finish", SHOULD, "`finish_reason` is the same, streamed or not.",
    sources.REFERENCE, _pair,
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
    streamed, whole = _both(exchange)
    # The two are answers of their own: a model that calls a tool in one of them only ends them differently, and so does
    # one that says more, or something else, in one of them, and meets the cap or a filter there.
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
    streamed, whole = (one.prompt_tokens for one in _both(exchange))
    if streamed != whole:
        place = (exchange.columns.usages[-1].chunk, "/usage/prompt_tokens")
        yield Problem(f"prompt_tokens streamed: {streamed}; in one body: {whole}", (place,))


@rule(
    "parity.tool-calls", SHOULD, "The same tools are called, streamed or not.",
    sources.REFERENCE, lambda x: _pair(x) or (None if any(one.tools for one in _both(x)) else "no tool was called"),
    good=(_TOOLS,),
    bad=(replace_in_body(_TOOLS, '"name":"get_weather"', '"name":"get_time"'), with_body(_TOOLS, _CHAT.response.body)),
    depends_on=_HELD,
)  # fmt: skip
def tool_calls(exchange: Exchange) -> Iterator[Problem]:
    """
    An agent works in one mode and calls no tool, or another one, in the other.

    Instead: Use the mode in which the calls come, and join the stream yourself if you need both.
    """
    streamed, whole = (one.tools for one in _both(exchange))
    if streamed != whole and (exchange.siblings is None or _lost(exchange)):
        said = f"streamed: {', '.join(streamed) or 'none'}; in one body: {', '.join(whole) or 'none'}"
        yield Problem(said, ((exchange.columns.last, ""),))


def _lost(exchange: Exchange) -> bool:
    """
    Tell whether calls that differ can't be the choice of the model, as they can't in a scenario, whose question leaves it none.

    Another tool is called, though the request leaves nothing to chance; or none, and nothing is said instead.
    """
    streamed, whole = _both(exchange)
    if set(streamed.tools) == set(whole.tools):
        return False
    silent = next((one for one in (streamed, whole) if not one.tools), None)
    empty = silent is not None and (silent.text == _NOTHING or silent.finish_reason == "tool_calls")
    choice = exchange.request.get("tool_choice")
    certain = isinstance(choice, dict) or choice not in {None, "auto"}
    return empty or certain or exchange.request.get("temperature") == 0


@rule(
    "parity.spaces", SHOULD, "White space in the text is the same, streamed or not.",
    sources.REFERENCE, _pair,
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
    streamed, whole = _both(exchange)
    if streamed.letters and streamed.letters == whole.letters and streamed.text != whole.text:
        place = (exchange.columns.first, "")
        yield Problem("the texts differ only in white space: one mode loses or adds some", (place,))


@rule(
    "parity.ends", SHOULD, "The text begins and ends at the same place, streamed or not.",
    sources.REFERENCE, _pair,
    good=(_CHAT, _LONG_CHAT),
    bad=(replace_in_body(_LONG_CHAT, ", of tomorrow and of the week?", ""), replace_in_body(replace_in_body(_LONG_CHAT, " of tomorrow and of the week?", ""), '"completion_tokens":4,"total_tokens":13', '"completion_tokens":3,"total_tokens":12'), replace_in_body(_LONG_CHAT, "你好! How can I", "can I")),
    depends_on=_HELD,
    dialects=WITH_CHOICES,
)  # fmt: skip
def ends(exchange: Exchange) -> Iterator[Problem]:
    """
    The rest of the answer is lost, and finish_reason says that it is whole: nothing shows that it is not.

    Instead: Ask in the mode that gives all of it; look whether `usage.completion_tokens` is more than the text that came.
    """
    both = _both(exchange)
    for one, other, where in ((*both, "streamed"), (*both[::-1], "in one body")):
        lost = other.length - one.length
        if lost <= 0 or one.finish_reason != "stop":
            continue
        if one.starts_within and not other.starts_within and one.ends_as(other):
            said = f"the text begins within a sentence {where}: {lost} characters are missing"
            yield Problem(said, ((exchange.columns.first, ""),), _HEAD_LOST)
        elif one.begins_as(other) and (one.hangs or (one.breaks_off and _says_the_same(exchange))):
            said = f"the text breaks off within a sentence {where}, though finish_reason is stop: {lost} characters are missing"
            yield Problem(said, ((exchange.columns.last, ""),))


def _says_the_same(exchange: Exchange) -> bool:
    """Tell whether the model said the same both times, by its count of tokens or since nothing is left to chance."""
    streamed, whole = (one.completion_tokens for one in _both(exchange))
    return (type(streamed) is int and streamed == whole) or bool(exchange.request.get("temperature") == 0)


@observation(
    "parity.text", "Whether the text is the same, streamed or not.",
    sources.REFERENCE, _pair,
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
    streamed, whole = _both(exchange)
    return "same" if streamed.text == whole.text else "differs"
