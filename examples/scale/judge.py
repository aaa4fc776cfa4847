"""
Judge a Parquet file of exchanges in batches: in one process, in two, and with Ray Data where it is installed; then query what came out.

    pip install 'llm-compat-harness[scale]' duckdb        # and, for the third way: pip install 'ray[data]'
    python examples/scale/judge.py [EXCHANGES]

The exchanges are made up of those that come with harness: each is repeated under ids and days of its own.
"""

import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from harness import judge_batch
from harness.matrix.bundled import bundled
from harness.recording.cassette import read_cassette
from harness.scale import EXCHANGES, aggregate, merge

BATCH = 250
QUERIES = {
    "the worst providers of the last week": """
        SELECT provider, sum("count") AS failures FROM findings
        WHERE outcome = 'fail' AND CAST(day AS DATE) > (SELECT max(CAST(day AS DATE)) - 7 FROM findings)
        GROUP BY provider ORDER BY failures DESC, provider LIMIT 5""",
    "faults that are new on the last day": """
        SELECT DISTINCT provider, "check" FROM findings
        WHERE outcome = 'fail' AND day = (SELECT max(day) FROM findings) AND provider || "check" NOT IN
        (SELECT provider || "check" FROM findings WHERE outcome = 'fail' AND day < (SELECT max(day) FROM findings))
        ORDER BY ALL LIMIT 5""",
    "what hits the OpenAI SDK": """
        SELECT provider, "check", any_value(message) AS message, count(*) AS times FROM findings
        WHERE family = 'sdk' AND outcome = 'fail' GROUP BY ALL ORDER BY times DESC, provider, message LIMIT 5""",
}


def make(path: Path, count: int) -> None:
    """Write ``count`` exchanges, of the cassettes that come with harness."""
    root = bundled()
    assert root, "harness is installed without its recordings"
    kept = [one for file in sorted(root.glob("cassettes/*/*/*.yaml"))[::7] for one in read_cassette(file)]
    with pq.ParquetWriter(path, EXCHANGES) as writer:
        for first in range(0, count, BATCH):
            rows = []
            for number in range(first, min(first + BATCH, count)):
                exchange = kept[number % len(kept)]
                request, response = exchange.request, exchange.response
                rows.append({
                    "id": f"exchange-{number}", "at": f"2026-11-{number * 28 // count + 1:02}T12:00:00Z",
                    "url": request.url, "request_body": (request.body or b"").decode(), "status": response.status,
                    "response_headers": f'{{"content-type": "{response.headers.get("content-type") or ""}"}}',
                    "response_body": response.content,
                })  # fmt: skip
            writer.write_table(pa.Table.from_pylist(rows, EXCHANGES))


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the exchanges, some at a time."""
    yield from pq.ParquetFile(path).iter_batches(BATCH)


def in_one(path: Path) -> pa.Table:
    """Judge in this process."""
    return pa.concat_tables([judge_batch(batch) for batch in batches(path)])


def in_two(path: Path) -> pa.Table:
    """Judge in two processes; the answers come in order."""
    with ProcessPoolExecutor(2) as pool:
        return pa.concat_tables(list(pool.map(judge_batch, batches(path))))


def with_ray(path: Path) -> pa.Table:
    """Judge with Ray Data, which reads from object storage too and uses all machines of its cluster."""
    import ray

    judged = ray.data.read_parquet(str(path)).map_batches(
        partial(judge_batch), batch_size=BATCH, batch_format="pyarrow"
    )
    return pa.concat_tables(ray.get(judged.to_arrow_refs()))


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Make, judge, compare row by row, and query."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    ways = {"one process": in_one, "two processes": in_two, **({"Ray Data": with_ray} if find_spec("ray") else {})}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exchanges.parquet"
        make(path, count)
        found: dict[str, pa.Table] = {}
        for name, judge in ways.items():
            began = perf_counter()
            found[name] = judge(path).sort_by(
                [("id", "ascending"), ("family", "ascending"), ("check", "ascending"), ("outcome", "ascending")]
            )
            say(f"{name}: {count} exchanges, {found[name].num_rows} rows, {perf_counter() - began:.1f} s")
        findings = found["one process"].drop_columns("row")  # it counts within a batch
        for name, other in found.items():
            assert other.drop_columns("row").equals(findings), f"{name} found something else"
    halves = findings.slice(0, findings.num_rows // 2), findings.slice(findings.num_rows // 2)
    whole, merged = aggregate(findings), merge(map(aggregate, halves))
    assert merged.drop_columns("examples").equals(whole.drop_columns("examples"))
    say(f"counted by provider, model, check and day: {whole.num_rows} rows")
    for name, query in QUERIES.items():
        say(f"\n{name}\n{duckdb.sql(query)}")


if __name__ == "__main__":
    main()
