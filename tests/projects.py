"""Makes a small user project: a matrix of one provider, and a recording of it."""

from pathlib import Path

from harness.matrix.recognising import SCHEMA_LINE as LINE
from harness.recording.cassette import write_cassette
from harness.simulate.reference import STREAM, recorded

SCHEMA_LINE = f"{LINE}\n"
MATRIX = """\
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    key_env: ACME_API_KEY
    docs: https://acme.example/docs
    models: [{id: small, thinking: {disable: {}}}]
"""


def write_project(root: Path, matrix: str = MATRIX, name: str = "providers.yaml") -> Path:
    """Write a matrix and a recording that passes every rule; return the folder."""
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(matrix, encoding="utf-8")
    write_cassette(root / "cassettes/acme/small/chat.stream.yaml", [recorded(STREAM)])
    return root
