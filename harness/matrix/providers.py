"""Who is asked: providers.yaml, checked."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, HttpUrl, model_validator

from harness.errors import BadProviders, Unreachable
from harness.matrix.checked_yaml import Strict, load_checked
from harness.matrix.scenarios import CAPABILITIES, Scenario

FILE_NAME = "providers.yaml"

Slug = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="A stable id: a-z, 0-9, dot, dash, underscore.")
]
Url = Annotated[
    str, AfterValidator(lambda text: str(HttpUrl(text)) and text), Field(description="An http or https URL.")
]


def _capability(name: str) -> str:
    if name not in CAPABILITIES:
        raise ValueError(f"unknown capability; use one of {', '.join(CAPABILITIES)}")
    return name


Capability = Annotated[str, AfterValidator(_capability), Field(json_schema_extra={"enum": list(CAPABILITIES)})]


class Thinking(Strict):
    """How thinking is switched: what to add to a request; leave out what the model can't do."""

    enable: dict[str, Any] | None = Field(
        None, description="Added to a request to make the model think; {} if it always does."
    )
    disable: dict[str, Any] | None = Field(
        None, description="Added to a request to keep it from thinking; {} if it never does."
    )


class Model(Strict):
    """One model of a provider."""

    id: Slug = Field(description="Part of target ids and paths; the name without its vendor prefix.")
    name: str | None = Field(None, description="The model parameter as sent, where it is not the id.")
    thinking: Thinking = Field(description="Whether and how it thinks.")
    lacks: tuple[Capability, ...] = Field((), description="Capabilities declared absent: their scenarios are n/a.")
    valid: str | None = Field(None, description="When and by what source the name was seen to be valid.")
    retired: date | None = Field(None, description="The day the provider took it away; its recordings stay evidence.")
    note: str | None = Field(None, description="What a reader should know.")


class Provider(Strict):
    """One provider."""

    id: Slug = Field(description="Stable id: cassette folder, pytest node, command line.")
    name: str = Field(description="As people call it.")
    base_url: Url = Field(description="What the OpenAI SDK takes as base_url.")
    other_urls: tuple[Url, ...] = Field((), description="Other addresses of the same API: regions, plans, older hosts.")
    host_suffixes: tuple[str, ...] = Field((), description="Ends of host names that are its own, such as .example.com.")
    key_env: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="The environment variable that holds the key.")
    docs: Url = Field(description="The page that documents the chat API.")
    aliases: tuple[str, ...] = Field((), description="Other names of it in recordings.")
    sources: tuple[Url, ...] = Field((), description="Where the facts of this entry come from.")
    lacks: tuple[Capability, ...] = Field((), description="Capabilities declared absent for all its models.")
    note: str | None = Field(None, description="What a reader should know.")
    models: tuple[Model, ...] = Field(min_length=1, description="The models to ask.")

    @model_validator(mode="after")
    def _unique_models(self) -> "Provider":
        _refuse_duplicates([model.id for model in self.models], "model")
        return self

    def answers_at(self, host: str) -> bool:
        """Tell whether ``host`` is one of its own."""
        hosts = {urlsplit(url).netloc for url in (self.base_url, *self.other_urls)}
        return host in hosts or any(host.endswith(suffix) for suffix in self.host_suffixes)


class Matrix(Strict):
    """The provider matrix of a project."""

    providers: tuple[Provider, ...] = Field(min_length=1, description="The providers, in the order of the table.")

    @model_validator(mode="after")
    def _unique_providers(self) -> "Matrix":
        _refuse_duplicates([provider.id for provider in self.providers], "provider")
        return self

    def targets(self) -> Iterator["Target"]:
        """Yield every provider × model."""
        for provider in self.providers:
            for model in provider.models:
                yield Target(provider, model)

    def provider_of(self, host: str, name: str | None = None) -> Provider | None:
        """Return the provider that is called ``name`` or answers at ``host``."""
        for provider in self.providers:
            if (name and name in {provider.id, *provider.aliases}) or (host and provider.answers_at(host)):
                return provider
        return None


def _refuse_duplicates(ids: list[str], what: str) -> None:
    for name in ids:
        if ids.count(name) > 1:
            raise ValueError(f"two {what}s have the id {name!r}; give one another id")


@dataclass(frozen=True, slots=True)
class Target:
    """A provider × model."""

    provider: Provider
    model: Model

    @property
    def id(self) -> str:
        """``provider/model``."""
        return f"{self.provider.id}/{self.model.id}"

    def refuses(self, scenario: Scenario) -> str | None:
        """Return why ``scenario`` is not asked of this target; None if it is."""
        switch = self.model.thinking.enable if scenario.thinking else self.model.thinking.disable
        if switch is None:
            return f"{self.model.id} can't {'think' if scenario.thinking else 'answer without thinking'}"
        absent = [need for need in scenario.needs if need in {*self.provider.lacks, *self.model.lacks}]
        return f"{self.id} lacks {', '.join(absent)}" if absent else None


def check_address(base_url: str) -> str:
    """Return the host and port of an address; raises Unreachable where it is none that can be asked."""
    with suppress(ValueError):  # such as an unclosed bracket of an IPv6 address
        parts = urlsplit(base_url)
        if parts.scheme in {"http", "https"} and parts.netloc:
            return parts.netloc
    raise Unreachable(f"{base_url}: not an address; name one such as http://localhost:8000/v1")


def load_matrix(path: Path) -> Matrix:
    """
    Read and check a providers.yaml.

    Raises:
        BadProviders: one line that names file, line, key and the fix.
    """
    return load_checked(path, Matrix, BadProviders, f"run this where a {FILE_NAME} is, or name one")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of providers.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Matrix.model_json_schema()}
