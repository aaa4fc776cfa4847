"""Defines the Arrow schemas of exchanges, findings and aggregates; fixed, so that batches can be concatenated."""

import pyarrow as pa

EXCHANGES = pa.schema(
    [
        pa.field("id", pa.string(), metadata={"is": "what tells this exchange from others; free"}),
        pa.field("at", pa.string(), metadata={"is": "when it was, ISO 8601; the day is what is kept"}),
        pa.field("provider", pa.string(), metadata={"is": "whose answer it is; else the host of the url says it"}),
        pa.field("url", pa.string()),
        pa.field("request_body", pa.string(), metadata={"is": "JSON"}),
        pa.field("status", pa.int32()),
        pa.field("response_headers", pa.string(), metadata={"is": "a JSON object"}),
        pa.field("response_body", pa.binary(), metadata={"is": "the bytes as they came; text is taken as UTF-8"}),
    ]
)
"""The columns of a row of exchanges; only ``response_body`` is required, and null means unknown."""

FINDINGS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("day", pa.string()),
        pa.field("provider", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("scenario", pa.string(), nullable=False),
        pa.field("family", pa.string(), nullable=False),
        pa.field("check", pa.string(), metadata={"is": "null where a row counts quiet outcomes of a family"}),
        pa.field("level", pa.string()),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("event", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("pointer", pa.string()),
        pa.field("excerpt", pa.string()),
        pa.field("count", pa.int32(), nullable=False),
    ]
)
"""A row of findings: one finding with its first evidence, or the number of quiet outcomes of a family."""

AGGREGATES = pa.schema(
    [
        pa.field("provider", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("family", pa.string(), nullable=False),
        pa.field("check", pa.string()),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("day", pa.string()),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("examples", pa.list_(pa.string()), nullable=False),
    ]
)
"""The number of findings per check and outcome, by provider, model and day, with some ids."""
