"""Adds providers that are known only by published recordings, and are never sent requests."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from harness.judging.published import PublishedCase, published_cases
from harness.judging.runner import Selection
from harness.matrix.providers import Matrix, Model, Provider
from harness.recording.cassette import read_cassette

NOTE = "Known only from published recordings; docs links to the newest."


def published_of(root: Path, *providers: str) -> list[PublishedCase]:
    """Return the published recordings of some providers, bundled ones included."""
    return published_cases(root, Selection(providers=providers))


def with_published(matrix: Matrix, root: Path) -> Matrix:
    """
    Return ``matrix`` with a provider for each that is known only by published recordings, derived from these.

    Raises:
        BadCassette: a recording can't be read.
    """
    return matrix.model_copy(update={"providers": (*matrix.providers, *_stand_ins(matrix, root))})


def _stand_ins(matrix: Matrix, root: Path) -> Iterator[Provider]:
    published: dict[str, list[PublishedCase]] = defaultdict(list)
    for case in published_of(root, *(entry.id for entry in matrix.published_only)):
        published[case.provider].append(case)
    for entry in matrix.published_only:
        if cases := published[entry.id]:
            models = [model_of(name).model_dump(exclude_unset=True) for name in sorted({case.model for case in cases})]
            told = {"docs": newest_source(cases), "note": NOTE, "models": models}
            alone = Matrix(
                providers=(Provider.model_validate(entry.model_dump(exclude_unset=True) | told),), published_only=()
            )
            # Bundled providers are not the project's own: they are selected only by name.
            bundled = next((case.root for case in cases if case.root != root), None)
            yield from (alone.bundled_in(bundled) if bundled else alone).providers


def newest_source(cases: list[PublishedCase]) -> str | None:
    """Return the URL of the newest of some published recordings."""
    dated: dict[str, str] = defaultdict(str)
    for case in cases:
        for exchange in read_cassette(case.cassette):
            if exchange.source.url:
                dated[exchange.source.url] = max(dated[exchange.source.url], exchange.source.at or "")
    return max(dated, key=lambda url: dated[url], default=None)


def model_of(name: str) -> Model:
    """Return an entry for a model that is known only by published recordings."""
    return Model.model_validate({"id": name, "thinking": {}})
