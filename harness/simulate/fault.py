"""Defines a fault and a legal variant."""

from dataclasses import dataclass

from harness.matrix.dialects import EVERY_SCENARIO
from harness.simulate.edits import Change
from harness.simulate.recordings import recording
from harness.wire.exchange import Exchange

_SPECIFICATIONS = (
    "openai/openai-openapi", "openai/openai-python", "html.spec.whatwg.org", "rfc-editor.org", "unicode.org",
    "platform.openai.com", "platform.claude.com", "api-docs.deepseek.com/guides", "json-schema.org", "iana.org", "json.org",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """
    A change after which a response is still valid: no rule may raise an alarm.

    It is applied to the last exchange of the scenario ``on``, as the ideal provider responds.  ``source`` is where
    such a response was seen in public; if no report is known, a specification, or None for that of the rule.
    """

    id: str
    title: str
    on: str
    source: str | None
    change: Change

    @property
    def seen(self) -> bool:
        """Whether such a response was seen in public: the source is not a specification."""
        return self.source is not None and not any(name in self.source for name in _SPECIFICATIONS)

    def reference(self) -> Exchange:
        """Return the original."""
        return recording(EVERY_SCENARIO[self.on])[-1]

    def apply(self) -> Exchange:
        """Return the changed exchange."""
        return self.change(self.reference())


@dataclass(frozen=True, slots=True)
class Fault(Variant):
    """A change that makes a response wrong in one way; ``rule`` is the check that must catch it."""

    rule: str
