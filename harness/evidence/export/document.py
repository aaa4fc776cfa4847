"""
Defines the exported document, and its JSON Schema.

Within a version, keys are only added, so that programs keep working.  So the schema allows unknown keys.
"""

from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from harness.matrix.providers import Provider
from harness.wire.dialect import DialectName

VERSION: Literal[1] = 1

OWN = r'\{\n  "version": \d+,\n  "provider": \{'
"""Pattern of the beginning of a document file."""

Provenance = Literal["recorded", "published", "reconstructed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Shown(_Part):
    """Recordings of one provenance that show something."""

    provenance: Provenance = Field(
        description="recorded: from the provider itself; published: transcribed by somebody who called it; "
        "reconstructed: built from cited facts, and no evidence that a provider passes."
    )
    date: str | None = Field(None, description="The day, month or year of the newest of them.")
    models: dict[str, tuple[str, ...]] = Field(
        description="The scenarios recorded of each model; `harness scenarios` says what each asks. What others asked "
        "and published has the name of its recording: published.DAY-FORM."
    )


class Statement(_Part):
    """
    A value and its evidence. If models or scenarios differ there are several, the one with the best evidence
    first.
    """

    value: bool | str
    shown: tuple[Shown, ...] = Field(min_length=1, description="What shows it, the best first.")


Said = tuple[Statement, ...]


class Flags(_Part):
    """How clients have to treat the provider. What nothing shows is left out."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    supports_developer_role: Said = Field((), description="Whether a message with the role developer is taken.")
    supports_store: Said = Field((), description="Whether the parameter store is taken.")
    supports_usage_in_streaming: Said = Field((), description="Whether usage comes in a stream that asks for it.")
    supports_reasoning_effort: Said = Field((), description="Whether reasoning_effort was seen to make it think.")
    supports_json_object: Said = Field((), description="Whether response_format json_object gives JSON.")
    supports_json_schema: Said = Field((), description="Whether response_format json_schema gives JSON.")
    max_tokens_field: Said = Field((), description="The names by which a cap of tokens is honoured.")
    requires_reasoning_content_on_assistant_messages: Said = Field(
        (), description="Whether an assistant's message with a tool call is refused without its reasoning."
    )
    thinking_format: Said = Field(
        (),
        description="What was seen to make it think: openai (reasoning_effort), openrouter (reasoning), deepseek "
        "(thinking.type), qwen (enable_thinking), qwen-chat-template (chat_template_kwargs.enable_thinking). The "
        "switch itself is in provider.models.",
    )
    reasoning_field: Said = Field(
        (), description="The key in delta or message that holds thoughts; none where they are counted and not shown."
    )
    usage_placement: Said = Field((), description="Where usage stands in a stream that asks for it.")
    usage_placement_unasked: Said = Field(
        (), description="Where it stands in one that does not; none where it does not come."
    )
    empty_choices_chunk: Said = Field(
        (), description="Whether a chunk with choices [] comes in a stream that asks for usage."
    )
    tool_delta_index: Said = Field(
        (), description="The index of the fragments of calls: given, not from 0, shared, or what stands in its place."
    )
    tool_arguments: Said = Field((), description="Whether arguments stream: in pieces, whole.")
    finish_reason_before_end: Said = Field((), description="The finish_reason of the chunks before the last one.")
    role_pattern: Said = Field((), description="Which deltas have a `role`.")
    done_marker: Said = Field((), description="What a stream ends with.")
    error_envelope: Said = Field((), description="The form of an error.")
    stream_media_type: Said = Field((), description="The content-type of a stream.")
    messages_blocks_overlap: Said = Field(
        (), description="In Anthropic Messages: whether a block starts while another is open."
    )
    messages_stop_sequence_told: Said = Field((), description="Whether stop_reason says that a stop sequence was met.")
    messages_cap_kept: Said = Field((), description="Whether an answer is as short as max_tokens asks.")
    messages_cap_required: Said = Field((), description="Whether a request without max_tokens is refused.")
    messages_input_counted_at_start: Said = Field((), description="Whether message_start counts the prompt.")
    messages_thought_signed: Said = Field((), description="Whether a thought has a signature.")
    messages_system_role: Said = Field((), description="Whether a message of role system among the others is taken.")
    messages_count_tokens: Said = Field((), description="Whether /v1/messages/count_tokens counts.")
    messages_error_envelope: Said = Field((), description="Whether errors have the form of Anthropic's.")
    messages_key_header: Said = Field(
        (), description="The headers in which a key alone is taken: x-api-key, authorization."
    )
    messages_media_type: Said = Field((), description="The content-type of a stream.")
    completions_suffix: Said = Field((), description="In legacy completions: whether suffix is taken.")
    completions_echo: Said = Field((), description="Whether echo puts the prompt before the text.")
    completions_several: Said = Field((), description="Whether n gives as many texts.")
    completions_logprobs: Said = Field(
        (), description="Probabilities that were asked for: lists (as OpenAI's), other (another form), none."
    )
    completions_text_everywhere: Said = Field((), description="Whether every choice has a text, the last one too.")
    completions_usage_placement: Said = Field((), description="Where usage stands in a stream that asks for it.")
    completions_usage_placement_unasked: Said = Field(
        (), description="Where it stands in one that does not; none where it does not come."
    )
    completions_finish_reason_before_end: Said = Field(
        (), description="The finish_reason of the chunks before the last one."
    )
    completions_done_marker: Said = Field((), description="What a stream ends with.")
    completions_error_envelope: Said = Field((), description="The form of an error.")


class Known(_Part):
    """A deviation: what it is, what is known of it, and what shows it."""

    check: str = Field(description="The rule it breaks; `harness explain CHECK` shows it.")
    level: Literal["MUST", "SHOULD"]
    scenarios: tuple[str, ...] = Field(description="Where it comes; all where there are none.")
    models: tuple[str, ...] = Field(description="Which models do it; all where there are none.")
    message: str = Field(description="What happens; * stands for any text.")
    reason: str
    breaks: str = Field(description="What it breaks for a client.")
    instead: str = Field(description="What client code does about it.")
    source: str
    kind: Literal["recording", "issue", "document", "described"] = Field(description="What is known of it.")
    since: str = Field(description="When the oldest of what shows it is from; it may be older.")
    last_seen: str | None = Field(None, description="When the newest of what shows it is from.")
    until: str | None = Field(None, description="When it went, where a source shows that it did.")
    sometimes: bool = Field(description="Whether it hangs on chance.")
    fault: str | None = Field(
        None, description="The fault of the harness's catalogue that shows it where no recording does."
    )
    shown: tuple[Shown, ...] = Field(description="The recordings that show it, the best first.")


class Document(_Part):
    """What is known of a provider: facts, flags and deviations, each with what shows it and how old that is."""

    version: Literal[1] = Field(description="Of this form. Within a version keys are added, and none go.")
    provider: Provider = Field(description="The facts, as in providers.yaml; the dialects that it lacks are apart.")
    lacks_dialects: tuple[DialectName, ...] = Field((), description="The dialects that it is known not to serve.")
    flags: Flags
    parameters: dict[str, Said] = Field(
        description="What became of what was tried in a request, each by its name: honoured, ignored, accepted, refused."
    )
    deviations: tuple[Known, ...]

    def to_json(self) -> str:
        """Return it as JSON text; unknown values are left out."""
        document = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        document["flags"] = {name: said for name, said in document["flags"].items() if said}
        if not self.lacks_dialects:
            del document["lacks_dialects"]
        return dump(document)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document; it allows the additions of later versions."""
    schema = Document.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:llm-compat-harness:provider:{VERSION}",
        **_open(schema),
    }


def _open(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _open(value) for key, value in schema.items() if (key, value) != ("additionalProperties", False)}
    return [_open(value) for value in schema] if isinstance(schema, list) else schema


def dump(value: Any) -> str:
    """Return JSON in its committed form: indented, with raw UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"
