"""Provides a small profile for tests: one provider, two kinds of stream and of body."""

from pathlib import Path
from typing import Any

import yaml

from harness.matrix.providers import Matrix, Target
from harness.simulate.chat.profile import FILE_NAME, Profile, load_profile

SOURCE = "https://acme.example/recordings"
CHUNK = {
    "id": "$id", "object": "chat.completion.chunk", "created": "$created", "model": "$model",
    "choices": [{"index": "$index", "delta": "$delta", "logprobs": "$logprobs", "finish_reason": "$finish"}],
    "usage if asked": None,
}  # fmt: skip
STREAM: dict[str, Any] = {
    "headers": {"content-type": "text/event-stream"},
    "chunk": CHUNK,
    "chat": {
        "asked": ["seen"],
        "unasked": ["seen"],
        "phases": {"first": {"role": "assistant", "content": ""}, "saying": {"content": "$text"}, "finish": {}},
    },
}
BODY: dict[str, Any] = {
    "headers": {"content-type": "application/json"},
    "envelope": {"id": "$id", "object": "chat.completion", "created": "$created", "model": "$model", "choices": "$choices", "usage": "$usage"},
    "choice": {"index": "$index", "message": "$message", "finish_reason": "$finish"},
    "chat": {"evidence": ["seen"], "message": {"role": "assistant", "content": "$text"}},
}  # fmt: skip
FORM: dict[str, Any] = {
    "ids": {"id": "chatcmpl-{alnum 8}", "call_id": "call_{number 2}_{hex 4}"},
    "usage": {"prompt_tokens": "$prompt", "completion_tokens": "$completion", "total_tokens": "$total"},
    "call": {"id": "$call_id", "type": "function", "function": {"name": "$name", "arguments": "$arguments"}},
    "logprobs": {"content": "$tokens"},
    "stream": STREAM,
    "body": BODY,
}
PROFILE: dict[str, Any] = {
    "provider": "acme",
    "evidence": {"seen": {"url": SOURCE, "kind": "recording", "at": "2026-05"}},
    "forms": [FORM],
}


def phases(name: str, script: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a form that streams the kind ``name`` by a script; ``changes`` apply to its stream."""
    kind = {"asked": ["seen"], "unasked": ["seen"], "phases": script}
    return FORM | {"stream": STREAM | {name: kind} | changes}


def write(root: Path, **changes: Any) -> Path:
    """Write the profile with some parts changed; return its folder."""
    folder = root / "cassettes" / "acme"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE_NAME).write_text(yaml.safe_dump(PROFILE | changes, sort_keys=False))
    return folder


def load(root: Path, **changes: Any) -> Profile:
    """Return the profile with some parts changed."""
    profile = load_profile(write(root, **changes))
    assert profile
    return profile


MATRIX = {
    "providers": [
        {
            "id": "acme",
            "name": "Acme",
            "base_url": "https://api.acme.example/v1",
            "key_env": "ACME_API_KEY",
            "docs": "https://acme.example/docs",
            "models": [{"id": "small", "thinking": {"disable": {}, "enable": {"think": True}}}],
        }
    ]
}


def target() -> Target:
    """Return a target of the provider of the profile."""
    return next(Matrix.model_validate(MATRIX).targets())
