"""
Exchanges judged by the table, for who has more of them than a folder holds: `judge_batch`, and the schemas of what goes in and comes out.

It needs pyarrow, which the extra ``scale`` installs.
"""

from harness.scale.aggregate import aggregate, merge
from harness.scale.batch import QuietRows, judge_batch
from harness.scale.schemas import AGGREGATES, EXCHANGES, FINDINGS

__all__ = ["AGGREGATES", "EXCHANGES", "FINDINGS", "QuietRows", "aggregate", "judge_batch", "merge"]
