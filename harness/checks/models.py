"""What a provider says of its models."""

from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.registry import CHAT_ALONE, observation
from harness.matrix.scenarios import SCENARIOS
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body
from harness.wire.exchange import Exchange

_LIST, _ONE = (recording(SCENARIOS[f"models.{name}"])[0] for name in ("list", "one"))
_KEYS = {"id", "object", "created", "owned_by"}


@observation(
    "models.form", "The form in which models are told of.",
    sources.MODELS, success_status,
    good=(_LIST, _ONE),
    bad=(replace_in_body(_LIST, '"object":"list"', '"models":[],"object":"list"'), replace_in_body(_ONE, '"owned_by"', '"meta"')),
    dialects=CHAT_ALONE,
)  # fmt: skip
def form(exchange: Exchange) -> str:
    """
    A program that offers what is listed shows nothing, or fails, where the list stands elsewhere.

    Instead: Take `id` of each object under `data`, and let a user name a model that is not listed.
    """
    return ", ".join(_told(exchange.chunk(0))) or "as specified"


def _told(body: Any) -> Iterator[str]:
    """Yield what is other than specified."""
    if not isinstance(body, dict):
        yield "no object"
        return
    listed = body.get("data")
    entries = [one for one in (listed if isinstance(listed, list) else [body]) if isinstance(one, dict)]
    if isinstance(listed, list):
        yield from (f"beside the list: {key}" for key in sorted(body.keys() - {"object", "data"}))
    for name, keys in (("lacks", _KEYS.difference(*entries)), ("adds", {*()}.union(*entries) - _KEYS)):
        yield from (f"{name} {key}" for key in sorted(keys))
