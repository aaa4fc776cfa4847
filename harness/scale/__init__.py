"""
Judges large tables of exchanges: `judge_batch`, and the Arrow schemas of its input and output.

It needs pyarrow, which the extra ``scale`` installs.
"""

from harness.scale.aggregate import aggregate, merge
from harness.scale.batch import QuietRows, judge_batch
from harness.scale.schemas import AGGREGATES, EXCHANGES, FINDINGS

__all__ = ["AGGREGATES", "EXCHANGES", "FINDINGS", "QuietRows", "aggregate", "judge_batch", "merge"]
