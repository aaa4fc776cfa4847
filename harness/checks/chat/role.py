"""Checks the role."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, body, complete_answer, stream, success_status, told_apart, uncut
from harness.checks.kinds import place_of, wrong_kinds
from harness.checks.registry import observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body
from harness.wire.exchange import Exchange

_READ = ("chunk.present",)
_ROLES = {"developer", "system", "user", "assistant", "tool"}
_UNKNOWN = Advice(
    "Clients that choose by role show the text without a speaker or drop it; sent back as history, it is rejected.",
    'Set the role yourself: `history.append({"role": "assistant", "content": text})`, whatever role came.',
)
_LATER = Advice(
    "Clients that open a message when a role comes lose the text before it, or append it to the user's.",
    "Open the assistant's message at the first chunk of a choice, without waiting for a role.",
)
_OF_OTHERS = Advice(
    "Clients that open a message at each role show the text as the user's or a tool's, or drop it, and send it back that way.",
    'Treat all text of a choice as the assistant\'s: `text += delta.content or ""`, whatever role comes with it.',
)


@rule(
    "role.value", Level.MUST, "`role`, if present, is a value from the specification.",
    sources.DELTA, success_status,
    good=(STREAM, BODY, replace_in_body(STREAM, '"delta":{"content"', '"delta":{"role":"assistant","content"')),
    bad=(
        replace_in_body(STREAM, '"role":"assistant"', '"role":null'),
        replace_in_body(STREAM, '"delta":{"content"', '"delta":{"role":"","content"'),
        replace_in_body(BODY, '"role":"assistant"', '"role":"ai"'),
    ),
    depends_on=_READ,
)  # fmt: skip
def value(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it: null and "" are not members of the enumeration.

    Instead: Ignore it and write `"assistant"` yourself; in typed models declare the field as any text or null.
    """
    yield from wrong_kinds(exchange, "/choices/*/{part}/role", {"text", "missing"}, "choice")
    for choice in exchange.columns.choices.values():
        for role, seen in choice.roles.items():
            if isinstance(role, str) and role and role not in _ROLES:
                place = place_of(exchange, choice, seen.first, "/{part}/role")
                yield Problem(f"role is {role!r} in {seen.count} choices", (place,), _UNKNOWN)


@rule(
    "role.first", Level.SHOULD, "The first delta of a choice has the role `assistant`, and no delta has another role.",
    sources.REFERENCE, all_of(stream, all_of(complete_answer, told_apart)),
    good=(STREAM,),
    bad=(
        replace_in_body(STREAM, '"role":"assistant",', ""),
        replace_in_body(STREAM, '"role":"assistant"', '"role":"user"'),
        replace_in_body(replace_in_body(STREAM, '"role":"assistant",', ""), '"content":"你好"', '"role":"assistant","content":"你好"'),
    ),
    depends_on=_READ, explained_by=("chunk.no-message",),
)  # fmt: skip
def first(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that open a message when a role comes show nothing, or append to the user's text.

    Instead: Open the assistant's message at the first chunk of a choice, without waiting for a role.
    """
    for choice in exchange.columns.choices.values():
        seen = choice.roles.get("assistant")
        other = next((role for role in choice.roles if role in _ROLES - {"assistant"}), None)
        if other:
            where = place_of(exchange, choice, choice.roles[other].first, "/{part}/role")
            yield Problem(f"a delta of choice {choice.index} has the role {other}", (where,), _OF_OTHERS)
        elif seen is None:
            yield Problem(
                f"no delta of choice {choice.index} names the role assistant",
                (place_of(exchange, choice, choice.first_chunk, "/{part}"),),
            )
        elif seen.first > choice.first_chunk:
            yield Problem(
                f"choice {choice.index} names the role in a later delta",
                (place_of(exchange, choice, seen.first, "/{part}/role"),),
                _LATER,
            )


@rule(
    "role.message", Level.MUST, "The role of a message is `assistant`.",
    sources.MESSAGE, body,
    good=(BODY,),
    bad=(replace_in_body(BODY, '"role":"assistant",', ""), replace_in_body(BODY, '"role":"assistant"', '"role":"user"')),
    depends_on=_READ, explained_by=("chunk.delta",),
)  # fmt: skip
def message(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that append the message to the history send it back under a wrong role or none.

    Instead: Set the role before storing the message: `history.append({**message.model_dump(exclude_none=True),
    "role": "assistant"})`.
    """
    for choice in exchange.columns.choices.values():
        if "assistant" not in choice.roles:
            place = place_of(exchange, choice, 0, "/message/role")
            yield Problem(f"the message of choice {choice.index} does not have the role assistant", (place,))


@observation(
    "role.pattern", "Which deltas have a `role`.",
    sources.DELTA, all_of(stream, uncut),
    good=(STREAM,),
    bad=(
        replace_in_body(STREAM, '"delta":{"content"', '"delta":{"role":"assistant","content"'),
        replace_in_body(STREAM, '"role":"assistant",', ""),
        replace_in_body(replace_in_body(STREAM, '"role":"assistant",', ""), '"delta":{}', '"delta":{"role":"assistant"}'),
    ),
    depends_on=_READ,
    harmful=lambda value: value.startswith(("every", "first + some")),
)  # fmt: skip
def pattern(exchange: Exchange) -> str:
    """
    Clients that start a new message at each role split a stream that repeats it.

    Instead: Open one message for each choice at its first chunk, and ignore roles after that.
    """
    kinds = exchange.columns.kinds("/choices/*/delta/role")
    given = kinds.get("text")
    if given is None:
        return "never"
    total = sum(seen.count for seen in kinds.values())
    rest = ", later null" if "null" in kinds else ', later ""' if '""' in kinds else ""
    if total == 1:
        return "single delta"
    if given.count == len(exchange.columns.choices):
        return ("first" if _in_first(exchange) else "once, later") + rest
    return ("every" if given.count == total else "first + some") + rest


def _in_first(exchange: Exchange) -> bool:
    choices = exchange.columns.choices.values()
    return all(seen.first == choice.first_chunk for choice in choices for seen in choice.roles.values())
