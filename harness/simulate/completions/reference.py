"""Provides reference responses of legacy completions, for examples and faults."""

from harness.matrix.completions import COMPLETIONS
from harness.simulate.completions.ideal import recording
from harness.wire.exchange import Exchange

REFERENCES: dict[str, Exchange] = {name: recording(scenario)[-1] for name, scenario in COMPLETIONS.items()}
"""The ideal provider's response to the last request of each scenario."""

STREAM = REFERENCES["completions.stream"]
BODY = REFERENCES["completions.nonstream"]
FILLED = REFERENCES["completions.suffix"]
ECHOED = REFERENCES["completions.echo"]
TWO = REFERENCES["completions.n2"]
TWO_PROMPTS = REFERENCES["completions.two-prompts"]
LISTED = REFERENCES["completions.logprobs"]
REFUSED = REFERENCES["completions.unknown-model"]
