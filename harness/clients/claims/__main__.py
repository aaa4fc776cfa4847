"""``python -m harness.clients.claims``: test every claim and write the pages."""

from pathlib import Path

from harness.clients.claims.model import CLAIMS
from harness.clients.claims.page import PAGES, render
from harness.clients.claims.run import ClaimRunner


def main(root: Path = Path()) -> None:
    """Test every claim and write the pages."""
    with ClaimRunner(root) as runner:
        found = [runner.verdict(claim) for claim in CLAIMS.values()]
    for language, name in PAGES.items():
        before = (root / name).read_text(encoding="utf-8") if (root / name).exists() else ""
        (root / name).write_text(render(found, language, before), encoding="utf-8")


if __name__ == "__main__":
    main()
