"""Defines the JSON Schema of ``harness probe --format json``: each line is a finding, the last one the summary."""

from typing import Any

from pydantic import TypeAdapter

from harness.results.finding import Finding
from harness.results.probing import ProbeSummary

_ID = "llm-compat-harness.probe.v1.schema.json"


def probe_schema() -> dict[str, Any]:
    """Return the schema of one line."""
    told = TypeAdapter(Finding | ProbeSummary).json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
        "title": "A line of harness probe --format json: a finding, or at the end the summary",
        **told,
    }
