"""Synthesizes responses to requests without a recording, in the manner of a served provider."""

from collections.abc import Callable, Iterable
from pathlib import Path

from harness.matrix.providers import Matrix, Provider, Target
from harness.simulate.chat.completing import Forms
from harness.simulate.chat.content import Said
from harness.simulate.chat.ideal import MODEL
from harness.simulate.chat.learning import learned
from harness.simulate.chat.manner import ProfileManner, ReferenceManner
from harness.simulate.chat.profile import FILE_NAME, Profile, load_profile
from harness.simulate.completions import ideal as completions
from harness.simulate.completions.manner import CompletionsManner
from harness.simulate.messages import ideal as messages
from harness.simulate.messages.form import ShownForm
from harness.simulate.messages.form import learned as learned_messages
from harness.simulate.messages.manner import MessagesManner
from harness.simulate.responses import answering as responses
from harness.simulate.synthesised import Synthesised
from harness.wire.dialect import COUNT_TOKENS, RESPONSES, DialectName, dialect_of
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

_ANTHROPICS_OWN = ("reference", "anthropic")
"""The provider whose form of Messages others follow."""

_OPENAIS_OWN = ("reference", "openai")
"""The provider whose form of legacy completions others follow."""

Manner = ProfileManner | ReferenceManner
Recorded = Callable[[Target, DialectName], Iterable[Exchange]]


def _nothing(_target: Target, _dialect: DialectName) -> tuple[Exchange, ...]:
    return ()


class Synthesiser:
    """Makes responses in the manners of the providers of a matrix; profiles are read on first use."""

    def __init__(self, matrix: Matrix, root: Path) -> None:
        self._root = root
        self._targets: dict[str, list[Target]] = {}
        for target in matrix.targets():
            self._targets.setdefault(target.provider.id, []).append(target)
        self._by_name: dict[str, dict[str, Target]] = {}
        self._manners: dict[str, dict[str, Manner]] = {}
        self._texts: dict[str, CompletionsManner] = {}
        self._in_messages: dict[str, MessagesManner] = {}
        self._profiles: dict[str, Profile | None] = {}
        self.recorded: Recorded = _nothing
        """The recordings of a provider, of a given target first: Messages, and chat without a profile, take their form from them."""

    def answer(
        self, provider: str, body: Json | None, said: Said | None = None, *, path: str = "", right: bool = False
    ) -> tuple[str, Synthesised]:
        """
        Return the id of the target in whose manner the response is, and the response; other names are the
        reference.

        ``said`` is its content, if it is not to fit the request; ``path`` is the path of the request; ``right`` is
        whether the request is known to be valid.

        Raises:
            BadProfile: the profile can't be read.
        """
        if path.endswith(RESPONSES):
            return f"{provider}/{(body or {}).get('model') or MODEL}", responses.answer(body, said)
        dialect = dialect_of(path, b"")
        if dialect == "messages":
            return self._message(provider, body, said, counts=path.endswith(COUNT_TOKENS), right=right)
        if dialect == "completions":
            return self._text(provider, body, said, path)
        target = self._target(provider, body)
        name = (target.model.name or target.model.id) if target else MODEL
        asked = body if body is None or body.get("model") is not None else body | {"model": name}
        manner = self._manner(target) if target else ReferenceManner()
        named = target.id if target else f"{provider}/{(body or {}).get('model') or name}"
        return named, manner.answer(asked, said, right=right)

    def error(self, provider: str, body: Json | None, status: int, message: str, *, path: str = "") -> Synthesised:
        """Return an error in a provider's own form."""
        if dialect_of(path, b"") == "messages":
            return self._messages(provider).error(status, message)
        if dialect_of(path, b"") == "completions":
            return self._completions(provider).error(status, message)
        target = self._target(provider, body)
        return (self._manner(target) if target else ReferenceManner()).error(status, message)

    def _message(
        self, provider: str, body: Json | None, said: Said | None, *, counts: bool, right: bool
    ) -> tuple[str, Synthesised]:
        manner = self._messages(provider)
        name = f"{provider}/{(body or {}).get('model') or messages.MODEL}"
        return name, manner.count(body) if counts else manner.answer(body, said, right=right)

    def _text(self, provider: str, body: Json | None, said: Said | None, path: str) -> tuple[str, Synthesised]:
        target = self._target(provider, body)
        name = (target.model.name or target.model.id) if target else completions.MODEL
        asked = body if body is None or body.get("model") is not None else body | {"model": name}
        return f"{provider}/{(asked or {}).get('model') or name}", self._completions(provider).answer(
            asked, said, path=path
        )

    def _completions(self, provider: str) -> CompletionsManner:
        if provider not in self._texts:
            profile = self._profile(self._targets[provider][0].provider) if self._targets.get(provider) else None
            why = "" if provider in _OPENAIS_OWN else f", as none is described of {provider}"
            self._texts[provider] = CompletionsManner(why, profile.completions if profile else None)
        return self._texts[provider]

    def _messages(self, provider: str) -> MessagesManner:
        if provider not in self._in_messages:
            targets = self._targets.get(provider, ()) if provider not in _ANTHROPICS_OWN else ()
            why = "" if provider in _ANTHROPICS_OWN else f", as none is described of {provider}"
            form = learned_messages(provider, self.recorded(targets[0], "messages")) if targets else None
            said = profile.messages if targets and (profile := self._profile(targets[0].provider)) else None
            if said:
                form = form or ShownForm(f"Anthropic's own form, and {', '.join(said.evidence)}")
            form = form or ShownForm(f"Anthropic's own form{why}")
            form = form.described(said) if said else form
            self._in_messages[provider] = MessagesManner(form, is_anthropic=provider in _ANTHROPICS_OWN)
        return self._in_messages[provider]

    def _profile(self, provider: Provider) -> Profile | None:
        if provider.id not in self._profiles:
            self._profiles[provider.id] = load_profile(provider.place(self._root, FILE_NAME).parent)
        return self._profiles[provider.id]

    def _target(self, provider: str, body: Json | None) -> Target | None:
        if provider not in self._by_name:
            named = [(name, one) for one in self._targets.get(provider, ()) for name in ("", *_names(one))]
            self._by_name[provider] = dict(reversed(named))  # the first of each name counts
        by_name = self._by_name[provider]
        return by_name.get(str((body or {}).get("model") or "")) or by_name.get("")

    def models(self, provider: str) -> list[str]:
        """Return the names of the models of a provider."""
        return [one.model.name or one.model.id for one in self._targets.get(provider, ())]

    def _manner(self, target: Target) -> Manner:
        provider = target.provider
        if provider.id not in self._manners:
            profile = self._profile(provider)
            forms = Forms(profile) if profile else None
            self._manners[provider.id] = {
                one.id: ProfileManner(profile, one, forms) if profile and forms else self._learned(one)
                for one in self._targets[provider.id]
            }
        return self._manners[provider.id][target.id]

    def _learned(self, target: Target) -> Manner:
        """Return the manner learned from recordings, those of the target itself first."""
        provider = target.provider.id
        profile = learned(provider, self.recorded(target, "chat"))
        why = f", as neither a profile nor a recording shows that of {provider}"
        return ProfileManner(profile, target, Forms(profile)) if profile else ReferenceManner(why)


def _names(target: Target) -> tuple[str, ...]:
    return (target.model.name or target.model.id, target.model.id, target.id, *target.model.aliases)
