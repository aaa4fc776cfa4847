"""Reads and validates providers.yaml."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from harness.errors import BadProviders, unknown
from harness.matrix.addresses import Address, Url, fill, hosts, is_here, matches_host, placeholders
from harness.matrix.bundled import FILE_NAME
from harness.matrix.checked_yaml import Strict, load_checked
from harness.matrix.naming import called
from harness.matrix.scenarios import CAPABILITIES, KeyHeader, Scenario
from harness.wire.dialect import DialectName

Slug = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="A stable id: a-z, 0-9, dot, dash, underscore.")
]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="The name of an environment variable.")]
# YAML reads 2026 as a number and 2026-10-01 as a date.
When = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if isinstance(value, (int, date)) else value),
    Field(pattern=r"^\d{4}(-\d{2}){0,2}$", description="A year, a month or a day, such as 2026-10."),
]
Topic = Literal["url", "key", "models", "thinking", "lacks", "stream", "errors"]
Trust = Literal["high", "medium", "low"]


def slug(text: str) -> str:
    """Return a text as an id, without a vendor's prefix before the last slash."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.rpartition("/")[2].lower()).strip("-._")


def _capability(name: str) -> str:
    if name not in CAPABILITIES:
        raise ValueError(f"unknown capability; use one of {', '.join(CAPABILITIES)}")
    return name


Capability = Annotated[str, AfterValidator(_capability), Field(json_schema_extra={"enum": list(CAPABILITIES)})]


class Thinking(Strict):
    """How thinking is switched: what to add to a request; leave out what the model does not support."""

    enable: dict[str, Any] | None = Field(
        None, description="Added to a request to make the model think; {} if it does unasked."
    )
    disable: dict[str, Any] | None = Field(
        None, description="Added to a request to keep it from thinking; {} if it does not unasked."
    )
    unasked: bool | None = Field(
        default=None,
        description="Whether it thinks where a request says nothing of it; only for a model that can do both.",
    )


class Valid(Strict):
    """When a model's name was last known to be valid, and how."""

    at: When = Field(description="The newest date for which it was seen.")
    how: Literal["recorded", "made", "answered", "documented", "listed", "reported"] = Field(
        description="recorded: cassettes/ has its answers; made: it is served by ourselves; answered: somebody "
        "published an answer of it; documented: the provider's own pages name it; listed: a catalogue does; "
        "reported: somebody else says so."
    )
    source: Url | None = Field(None, description="Where; needed unless it is recorded or made here.")

    @model_validator(mode="after")
    def _sourced(self) -> "Valid":
        if self.source is None and self.how not in {"recorded", "made"}:
            raise ValueError(f"{self.how} needs a source; add source")
        return self


class Model(Strict):
    """One model of a provider."""

    id: Slug = Field(description="Part of target ids and paths; the name without its vendor prefix.")
    name: str | None = Field(None, description="The model parameter as sent, where it is not the id.")
    aliases: tuple[str, ...] = Field((), description="Other names that it answers to.")
    base_url: Url | None = Field(None, description="Where it answers, if not at the provider's base_url.")
    thinking: Thinking = Field(description="Whether and how it thinks.")
    lacks: tuple[Capability, ...] = Field((), description="Capabilities declared absent: their scenarios are n/a.")
    valid: Valid | None = Field(None, description="When and how the name was seen to be valid.")
    retired: date | None = Field(None, description="The day the provider took it away; its recordings stay evidence.")
    note: str | None = Field(None, description="What a reader should know.")


class SpokenAt(Strict):
    """The URL and form of a dialect besides chat completions at a provider."""

    base_url: Url = Field(
        description="What the SDK of that dialect takes as base_url, such as ANTHROPIC_BASE_URL; of completions, OpenAI's."
    )
    key_header: KeyHeader = Field("both", description="The header that holds the key; both where either does.")
    valid: Valid = Field(description="When and how the address was seen to be valid.")
    models: tuple[Slug, ...] | None = Field(
        None, description="Which of its models are asked there, by id; all that are not retired where it is left out."
    )
    note: str | None = Field(None, description="What a reader should know.")


class Dialects(Strict):
    """The dialects that a provider serves besides chat completions."""

    messages: SpokenAt | None = Field(None, description="Anthropic Messages, below /v1/messages.")
    completions: SpokenAt | None = Field(None, description="OpenAI's legacy completions, at /completions.")

    def moved_to(self, base_url: str) -> "Dialects":
        """Return them as served at another URL."""
        moved = {name: at.model_copy(update={"base_url": base_url}) for name, at in self if at}
        return self.model_copy(update=moved)


class OtherUrl(Strict):
    """Another URL of the same API."""

    url: Address
    what: str = Field(description="What it is for: a region, a plan, an older host.")


class Retired(Strict):
    """A model name that the provider removed and that has no recordings here."""

    name: str = Field(description="The model parameter as it was sent.")
    at: date = Field(description="The day it went.")
    instead: str | None = Field(None, description="What the provider names instead.")
    source: Url


class Source(Strict):
    """A public page that supports facts of an entry."""

    url: Url
    about: tuple[Topic, ...] = Field(min_length=1, description="What it bears out.")
    at: When | None = Field(None, description="As of when, where that is known.")


class Confidence(Strict):
    """
    How certain the facts are.

    high: the provider's own page or a recording shows it; medium: others say so, or it is shown in part; low: nothing
    public confirms it.
    """

    url: Trust
    key: Trust
    models: Trust
    stream: Trust
    errors: Trust


class Provider(Strict):
    """One provider."""

    id: Slug = Field(description="Stable id: cassette folder, pytest node, command line.")
    name: str = Field(description="As people call it.")
    base_url: Address = Field(
        description="What the OpenAI SDK takes as base_url; may hold {placeholders}. Not asked where it lacks chat."
    )
    fills: dict[str, Variable] = Field(
        {}, validate_default=True, description="The environment variable that fills each placeholder of base_url."
    )
    other_urls: tuple[OtherUrl, ...] = Field((), description="Other addresses of the same API.")
    host_suffixes: tuple[str, ...] = Field((), description="Ends of host names that are its own, such as .example.com.")
    key_env: Variable = Field(description="The environment variable that holds the key.")
    docs: Url = Field(description="The page that documents the chat API.")
    dialects: Dialects = Field(Dialects.model_validate({}), description="Where it serves other dialects.")
    aliases: tuple[str, ...] = Field((), description="Other names of it in recordings.")
    called: tuple[str, ...] = Field(
        (), description="Other names that people look for: brands and families of models, in any language."
    )
    sources: tuple[Source, ...] = Field((), description="Where the facts of this entry come from.")
    confidence: Confidence | None = Field(None, description="How sure they are.")
    lacks: tuple[Capability, ...] = Field((), description="Capabilities declared absent for all its models.")
    note: str | None = Field(None, description="What a reader should know.")
    models: tuple[Model, ...] = Field(min_length=1, description="The models to ask.")
    retired_models: tuple[Retired, ...] = Field((), description="Names it took away.")
    _home: Path | None = PrivateAttr(None)

    @field_validator("fills")
    @classmethod
    def _placeholders_have_variables(cls, variables: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        wanted = placeholders(info.data.get("base_url", ""))
        for name in wanted:
            if name not in variables:
                raise ValueError(
                    f"base_url contains {{{name}}}; name the variable that fills it, such as {name}: ACME_{name.upper()}"
                )
        for name in variables:
            if "base_url" in info.data and name not in wanted:
                raise ValueError(f"base_url does not contain {{{name}}}; delete {name}")
        return variables

    @field_validator("confidence")
    @classmethod
    def _confidence_needs_source(cls, confidence: Confidence | None, info: ValidationInfo) -> Confidence | None:
        told = {topic for source in info.data.get("sources", ()) for topic in source.about}
        for topic, trust in confidence or ():
            if trust != "low" and topic not in told and "sources" in info.data:
                raise ValueError(f"{topic} is {trust}, but no source is about {topic}; add one, or say low")
        return confidence

    @model_validator(mode="after")
    def _served_or_lacking(self) -> "Provider":
        for dialect, _ in self.dialects:
            if self.spoken_at(dialect) and dialect in self.lacks:
                raise ValueError(f"it lacks {dialect}, and dialects says where it is served; delete one")
        if "chat" in self.lacks and not any(at for _, at in self.dialects):
            raise ValueError("it lacks chat, and dialects names no other that it serves; add one, or delete chat")
        return self

    @model_validator(mode="after")
    def _unique_models(self) -> "Provider":
        ids = [model.id for model in self.models]
        _refuse_duplicates(ids, "model")
        asked = ((dialect, name) for dialect, at in self.dialects if at for name in at.models or ())
        for dialect, name in asked:
            if name not in ids:
                raise ValueError(f"dialects.{dialect}.models: it has no model {name!r}; it has {', '.join(ids)}")
        return self

    @cached_property
    def _hosts(self) -> re.Pattern[str]:
        elsewhere = [model.base_url for model in self.models if model.base_url]
        spoken = [at.base_url for _, at in self.dialects if at]
        return hosts(
            [self.base_url, *(other.url for other in self.other_urls), *elsewhere, *spoken], self.host_suffixes
        )

    def spoken_at(self, dialect: str) -> SpokenAt | None:
        """Return its URL of a dialect besides chat; None if unknown."""
        at: SpokenAt | None = getattr(self.dialects, dialect, None)
        return at

    def answers_at(self, host: str) -> bool:
        """Return whether ``host`` is one of its own."""
        return matches_host(host, self._hosts)

    @property
    def bundled(self) -> bool:
        """Whether it is bundled with harness, not from a project's own providers.yaml."""
        return self._home is not None

    def place(self, root: Path, *names: str) -> Path:
        """
        Return the path of a file of its folder for reading: in the project at ``root``; for a bundled provider in
        the bundled matrix, unless the project has a file of that name, which takes precedence.
        """
        own = root.joinpath("cassettes", self.id, *names)
        if self._home is None or own.exists():
            return own
        there = self._home.joinpath("cassettes", self.id, *names)
        return there if there.exists() else own

    def url(self, environment: Mapping[str, str]) -> str:
        """
        Return ``base_url`` with its placeholders filled from ``environment``, which holds all that `Target.unset`
        requires.

        Raises:
            BadProviders: a variable holds what can't be part of an address.
        """
        values = {name: environment[variable] for name, variable in self.fills.items()}
        try:
            return fill(self.base_url, values)
        except ValueError as problem:
            raise BadProviders(f"{', '.join(self.fills.values())}: {problem}") from None


class PublishedOnly(Strict):
    """A provider that is known only by published recordings, and never sent a request."""

    id: Slug = Field(description="The folder of its published recordings.")
    name: str = Field(description="As people call it.")
    base_url: Address = Field(description="Where those recordings were made; may hold {placeholders}.")
    fills: dict[str, Variable] = Field({}, description="The environment variable that fills each placeholder.")
    key_env: Variable = Field(description="The environment variable that holds the key.")
    aliases: tuple[str, ...] = Field((), description="Other names of it in recordings.")
    called: tuple[str, ...] = Field((), description="Other names that people look for.")


class Matrix(Strict):
    """The provider matrix of a project."""

    providers: tuple[Provider, ...] = Field(min_length=1, description="The providers, in the order of the table.")
    published_only: tuple[PublishedOnly, ...] = Field(
        (), description="Providers known by published recordings alone, which are not asked."
    )

    @model_validator(mode="after")
    def _unique_providers(self) -> "Matrix":
        _refuse_duplicates([provider.id for provider in self.providers], "provider")
        return self

    @property
    def own(self) -> tuple[Provider, ...]:
        """The default selection: the project's own providers, or all if it has none."""
        return tuple(one for one in self.providers if not one.bundled) or self.providers

    def meant(self, names: Iterable[str]) -> tuple[Provider, ...]:
        """
        Return the providers with these names, of any kind, or its `own` if there are none.

        Raises:
            UnknownName: there is none with that name.
        """
        return tuple(map(self._meant, names)) or self.own

    def _meant(self, name: str) -> Provider:
        found = called(name, self.providers)
        if found is None:
            raise unknown("provider", name, [one.id for one in self.providers])
        return found

    def bundled_in(self, home: Path) -> "Matrix":
        """Return it as the bundled matrix, whose recordings are in the folder ``home``."""
        providers = tuple(provider.model_copy() for provider in self.providers)
        for provider in providers:
            provider._home = home  # noqa: SLF001 - set nowhere else
        return self.model_copy(update={"providers": providers})

    def over(self, base: "Matrix") -> "Matrix":
        """Return its providers, followed by those of ``base`` with other ids."""
        ids = {provider.id for provider in self.providers}
        rest = tuple(provider for provider in base.providers if provider.id not in ids)
        apart = (*self.published_only, *base.published_only)
        return self.model_copy(update={"providers": (*self.providers, *rest), "published_only": apart})

    def targets(self, providers: Iterable[Provider] | None = None) -> Iterator["Target"]:
        """Yield every provider × model, or those of ``providers``."""
        for provider in self.providers if providers is None else providers:
            for model in provider.models:
                yield Target(provider, model)

    def provider_of(self, host: str, name: str | None = None) -> Provider | None:
        """
        Return the provider that serves ``host``, or is called ``name``.

        If they disagree the host decides, unless it is this machine; a host that several share decides nothing, nor
        does a port of this machine if the name is that of another server.
        """
        named = next((one for one in self.providers if name and name in {one.id, *one.aliases}), None)
        there = [provider for provider in self.providers if host and provider.answers_at(host)]
        if named and (not there or named in there or is_here(host)):
            return named
        return there[0] if len(there) == 1 and not (name and is_here(host)) else None


def _refuse_duplicates(ids: list[str], what: str) -> None:
    for name in ids:
        if ids.count(name) > 1:
            raise ValueError(f"two {what}s have the id {name!r}; change one of them")


@dataclass(frozen=True, slots=True)
class Target:
    """A provider × model."""

    provider: Provider
    model: Model

    @property
    def id(self) -> str:
        """``provider/model``."""
        return f"{self.provider.id}/{self.model.id}"

    @property
    def keyless(self) -> bool:
        """Whether it needs no key."""
        return "key" in {*self.provider.lacks, *self.model.lacks}

    def unset(self, environment: Mapping[str, str]) -> str | None:
        """Return the first required variable that ``environment`` lacks; None if all are set."""
        needed = [*([] if self.keyless else [self.provider.key_env]), *self.provider.fills.values()]
        return next((name for name in needed if not environment.get(name)), None)

    def url(self, environment: Mapping[str, str], dialect: DialectName = "chat") -> str:
        """Return its URL for a dialect that it supports; see `Provider.url`."""
        at = self.provider.spoken_at(dialect)
        return at.base_url if at else self.model.base_url or self.provider.url(environment)

    def speaks(self, dialect: DialectName) -> bool:
        """Return whether it supports a dialect: chat, or another with a known URL that serves its model."""
        at = self.provider.spoken_at(dialect)
        if dialect == "chat" or at is None:
            return dialect == "chat"
        here = self.model.base_url is None and not self.model.retired
        return here if at.models is None else self.model.id in at.models

    def skip_reason(self, scenario: Scenario) -> str | None:
        """Return why ``scenario`` is not sent to this target; None if it is."""
        lacks = {*self.provider.lacks, *self.model.lacks}
        spoken = (scenario.dialect, *(("chat",) if scenario.in_chat_first else ()))
        absent = [need for need in (*spoken, *scenario.needs) if need in lacks]
        return self._cannot(scenario) or (f"{self.id} lacks {', '.join(absent)}" if absent else None)

    def _cannot(self, scenario: Scenario) -> str | None:
        """Return why the model does not support a scenario; in Messages, a model may think without being asked to."""
        thinking = self.model.thinking
        if scenario.thinking and thinking.enable is None:
            return f"{self.model.id} can't think"
        unasked = not scenario.thinking and scenario.dialect == "chat" and thinking.disable is None
        return f"{self.model.id} can't answer without thinking" if unasked else None


def load_matrix(path: Path) -> Matrix:
    """
    Read and validate a providers.yaml.

    Raises:
        BadProviders: one line that names file, line, key and the fix.
    """
    return load_checked(path, Matrix, BadProviders, f"run this where a {FILE_NAME} is, or name one")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of providers.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Matrix.model_json_schema()}
