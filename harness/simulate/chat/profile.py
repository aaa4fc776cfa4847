"""
Reads and validates a provider's profile, the cited facts of its wire format: cassettes/<provider>/profile.yaml.

A profile is templates in the provider's own keys and order, each with its evidence.  What it does not describe has
no evidence, and is not synthesized.
"""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from harness.errors import BadProfile
from harness.matrix.addresses import Url
from harness.matrix.checked_yaml import Strict, load_checked
from harness.matrix.providers import Slug
from harness.matrix.scenarios import SCENARIOS
from harness.simulate.chat.parameters import PARAMETERS
from harness.simulate.template import IDS, check, check_id, split

FILE_NAME = "profile.yaml"

REPEATED = ("thinking", "saying", "call", "called", "arguments")
ONCE = ("before", "first", "empty", "calls", "finish", "usage")

_PHASE = re.compile(rf"({'|'.join(ONCE)})|({'|'.join(REPEATED)})(-first|-last)?")


def _phase(key: str) -> str:
    name, _ = split(key)
    if not _PHASE.fullmatch(name):
        names = ", ".join((*ONCE, *REPEATED))
        raise ValueError(f"unknown phase; use one of {names}, the last five also with -first or -last")
    return key


def _id_name(name: str) -> str:
    if name not in IDS:
        raise ValueError(f"unknown id; use one of {', '.join(IDS)}")
    return name


def _scenario(name: str) -> str:
    if name not in SCENARIOS:
        raise ValueError(f"unknown scenario {name!r}; see: harness scenarios")
    return name


def _parameter(name: str) -> str:
    if name not in PARAMETERS:
        raise ValueError(f"no scenario depends on {name!r}; use one of {', '.join(PARAMETERS)}")
    return name


def _listed(name: str, info: ValidationInfo) -> str:
    evidence = info.context.get("evidence") if info.context else None
    if isinstance(evidence, dict) and name not in evidence:
        raise ValueError(f"there is no {name!r} under evidence; list it there")
    return name


Parameter = Annotated[str, AfterValidator(_parameter)]
Template = Annotated[dict[str, Any], AfterValidator(check)]
Ref = Annotated[str, AfterValidator(_listed)]
Refs = Annotated[tuple[Ref, ...], Field(min_length=1)]
Day = Annotated[str, BeforeValidator(str), Field(pattern=r"^\d{4}(-\d{2}){0,2}$")]  # YAML reads a day as a date


Layout = Literal["compact", "spaced", "indented"]


class FormEvidence(Strict):
    """A public source of a form."""

    url: Url = Field(description="Where it can be read.")
    kind: Literal["recording", "document", "issue"] = Field(
        description="Seen on the wire, written down by the vendor, or reported by a user who shows it."
    )
    at: Day = Field(description="The day, month or year it is of.")
    recordings: int | None = Field(None, ge=1, description="How many recordings it holds.")
    models: tuple[str, ...] = Field((), description="The models it was seen with.")
    note: str | None = Field(None, description="What a reader should know.")


class StreamKind(Strict):
    """The phases of a stream, in order."""

    asked: tuple[Ref, ...] = Field((), description="The evidence for it where usage is asked for.")
    unasked: tuple[Ref, ...] = Field((), description="The evidence for it where usage is not asked for.")
    phases: dict[Annotated[str, AfterValidator(_phase)], Template] = Field(
        min_length=1, description="Each a delta that goes into chunk, or a whole chunk where it differs."
    )

    @model_validator(mode="after")
    def _rests_on_something(self) -> "StreamKind":
        if not (self.asked or self.unasked):
            raise ValueError("there is no evidence for it; add asked or unasked with the evidence")
        return self


class BodyKind(Strict):
    """The message of a non-streaming response, or the whole body if it differs from the envelope."""

    evidence: Refs
    message: Template


class Stream(Strict):
    """The form of streams."""

    headers: dict[str, str] = Field(description="Response headers, by allow-listed name.")
    newline: Literal["lf", "crlf"] = "lf"
    space: bool = Field(default=True, description="Whether a space follows the colon of data:.")
    layout: Layout = Field("compact", description="Whether spaces follow colons and commas, or lines are indented.")
    opening: tuple[str, ...] = Field((), description="Comment lines that come before the first event.")
    done: bool = Field(default=True, description="Whether it ends with data: [DONE].")
    chunk: Template = Field(description="What a delta is put into.")
    closing: Template | None = Field(None, description="What the delta of the phase finish is put into, if another.")
    chat: StreamKind | None = None
    thinking: StreamKind | None = None
    tools: StreamKind | None = None
    parallel: StreamKind | None = None
    thinking_tools: StreamKind | None = Field(None, alias="thinking-tools")


class Body(Strict):
    """The form of non-streaming responses."""

    headers: dict[str, str] = Field(description="Response headers, by allow-listed name.")
    layout: Layout = Field("compact", description="Whether spaces follow colons and commas, or lines are indented.")
    envelope: Template
    choice: Template
    chat: BodyKind | None = None
    thinking: BodyKind | None = None
    tools: BodyKind | None = None
    parallel: BodyKind | None = None
    thinking_tools: BodyKind | None = Field(None, alias="thinking-tools")


_EVERY = ("*",)


class OfModels(Strict):
    """Facts for some models."""

    models: tuple[str, ...] = Field(_EVERY, min_length=1, description="Their names as sent; * stands for any text.")

    def is_of(self, model: str) -> bool:
        """Return whether ``model`` is one of them."""
        return self.models == _EVERY or any(fnmatchcase(model, pattern) for pattern in self.models)


class Form(OfModels):
    """The form of responses of some models, since some day."""

    since: Day | None = Field(None, description="Seen from this day on.")
    until: Day | None = Field(None, description="Not seen after this day.")
    note: str | None = Field(None, description="Where recordings disagree, and which of them this follows.")
    ids: dict[Annotated[str, AfterValidator(_id_name)], Annotated[str, AfterValidator(check_id)]]
    created: Literal["constant", "growing"] = Field(
        "constant", description="Whether created is one time in a stream, or that of each chunk."
    )
    answers_as: dict[str, str] = Field({}, description="Models that an answer calls by another name.")
    reasons: dict[Literal["stop", "length", "tool_calls", "named"], str] = Field(
        {}, description="The words of finish_reason where they are others; named is a call forced by name."
    )
    usage: Template | None = None
    call: Template | None = Field(None, description="Each of $calls.")
    logprobs: Template | None = None
    stream: Stream | None = None
    body: Body | None = None

    def was_on(self, day: str) -> bool:
        """Return whether it was seen by ``day``, and not only before it."""
        early = self.since is not None and day[: len(self.since)] < self.since
        return not early and not (self.until is not None and day[: len(self.until)] > self.until)


class Parameters(OfModels):
    """The handling of request parameters, by their name or that of what a scenario tests."""

    taken: tuple[Parameter, ...] = Field((), description="Those that do what they say.")
    ignored: tuple[Parameter, ...] = Field((), description="Those that are accepted and do nothing.")
    evidence: Refs


class Refusal(OfModels):
    """A response that rejects the last request of some scenarios."""

    scenarios: tuple[Annotated[str, AfterValidator(_scenario)], ...] = Field(min_length=1)
    thinking: bool = Field(default=False, description="Whether it is refused only while the model thinks.")
    evidence: Refs
    status: int = Field(ge=400, le=599)
    headers: dict[str, str]
    body: Template
    words: Literal["serde"] | None = Field(
        default=None, description="Whose words tell of a value of a wrong type, where they are a parser's."
    )


class GapMarks(Strict):
    """The marks around a gap to fill in a prompt."""

    prefix: str = Field(min_length=1, description="Stands before the text before the gap.")
    suffix: str = Field(min_length=1, description="Stands before the text behind the gap.")
    middle: str = Field(min_length=1, description="Stands where the gap is to be filled.")


class ServedBelow(Strict):
    """The path below which legacy completions are served, and the error at any other."""

    path: str = Field(pattern="^/", description="Such as /beta.")
    evidence: Refs
    status: int = Field(ge=400, le=599)
    headers: dict[str, str]
    body: Template


class TextForm(Strict):
    """How legacy completions differ from the form of OpenAI's specification."""

    evidence: Refs
    ids: dict[Annotated[str, AfterValidator(_id_name)], Annotated[str, AfterValidator(check_id)]] = Field(
        {}, description="Forms of ids that differ."
    )
    keys: Template = Field({}, description="Keys of a chunk or body that OpenAI's form has not.")
    usage: Template = Field({}, description="Keys of usage that OpenAI's form has not.")
    logprobs: bool = Field(default=True, description="Whether probabilities come where they are asked for.")
    marks: GapMarks | None = Field(None, description="How a prompt marks a gap to fill.")
    below: ServedBelow | None = Field(None, description="Where they are served, if not beside chat.")


class MessageForm(Strict):
    """How Anthropic Messages differ from Anthropic's own form, where no recording shows them."""

    evidence: Refs
    ids: dict[Annotated[str, AfterValidator(_id_name)], Annotated[str, AfterValidator(check_id)]] = Field(
        {}, description="Forms of ids that differ."
    )
    signed_by_id: bool = Field(
        default=False, description="Whether the signature of a thought is the id of the message."
    )
    done: bool = Field(default=False, description="Whether a stream ends with data: [DONE].")


class Profile(Strict):
    """The wire format of one provider."""

    provider: Slug
    evidence: dict[Slug, FormEvidence] = Field(min_length=1, description="By a name that the other parts refer to.")
    forms: tuple[Form, ...] = Field(min_length=1, description="The first that fits a model and a day is its form.")
    parameters: tuple[Parameters, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    completions: TextForm | None = None
    messages: MessageForm | None = None

    def form_of(self, model: str, day: str | None = None) -> Form | None:
        """Return the form of ``model``, seen on ``day``; without a day the newest, which is the first."""
        return next((form for form in self.forms if form.is_of(model) and (day is None or form.was_on(day))), None)


def load_profile(folder: Path) -> Profile | None:
    """
    Return the profile in a provider's cassette folder; None if there is none.

    Raises:
        BadProfile: one line that names file, line, key and the fix.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    profile = load_checked(path, Profile, BadProfile, "")
    if profile.provider != folder.name:
        raise BadProfile(f"{path}:1: provider: {profile.provider!r} in the folder of {folder.name}; name that")
    return profile
