"""
Renders a badge per provider: rules passed of rules judged, and whether responses were recorded or published.

A reconstruction is not evidence that a provider passes, so it counts for no badge.  If ``HARNESS_SITE_URL`` names
the site, a badge links to the page of its provider.
"""

from html import escape

from wcwidth import wcswidth

from harness.printable import printable
from harness.reports.addresses import published
from harness.reports.summary import Cell, CellPart, recorded
from harness.results import Outcome, Results
from harness.results.basis import bases

_COLOURS = {
    Outcome.PASS: "#2da44e",
    Outcome.OBSERVED: "#2da44e",
    Outcome.KNOWN: "#bf8700",
    Outcome.INCONCLUSIVE: "#0969da",
}
_RED = "#cf222e"
_LABEL = "openai-compat"
OWN = rf'<svg xmlns="http://www\.w3\.org/2000/svg" width="\d+" height="20" role="img" aria-label="{_LABEL}: '
"""Pattern of the beginning of a badge."""

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{label}: {text}">
<title>{provider}: {text}</title>{opening}
<rect width="{left}" height="20" fill="#555"/><rect x="{left}" width="{right}" height="20" fill="{colour}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{label_at}" y="14">{label}</text><text x="{text_at}" y="14">{text}</text>
</g>{closing}
</svg>
"""


def render(results: Results) -> dict[str, str]:
    """Return an SVG for each provider with recorded or published responses, by provider."""
    cells = {provider: Cell() for provider in recorded(results)}
    for finding in results.findings:
        judged = finding.family != "recording" and finding.outcome is not Outcome.NA
        if judged and finding.provenance != "reconstructed":
            cells[finding.provider].findings.append(finding)
    return {provider: _badge(provider, cell) for provider, cell in cells.items() if cell.findings}


def _badge(provider: str, cell: Cell) -> str:
    text = printable(" · ".join(map(_passed, cell.parts)))
    left, right = _width(_LABEL), _width(text)
    page = published(f"providers/{provider}/")
    return _SVG.format(
        provider=escape(printable(provider)), label=_LABEL, text=escape(text), colour=_COLOURS.get(cell.outcome, _RED),
        width=left + right, left=left, right=right, label_at=left / 2, text_at=left + right / 2,
        opening=f'<a href="{escape(page)}">' if page else "", closing="</a>" if page else "",
    )  # fmt: skip


def _passed(part: CellPart) -> str:
    not_passed, total = part.counts
    newest = next((one.newest for one in bases(part.findings)), None)
    return " ".join(filter(None, [f"{total - not_passed}/{total}", part.kind, (newest or "")[:7]]))


def _width(text: str) -> int:
    return wcswidth(text) * 7 + 12
