"""Defines the errors of harness itself.  What a provider does wrong is a finding, never an exception."""


class HarnessError(Exception):
    """Bad input from the user: one line that names the file, the place, what is wrong and what to do."""


class BadProviders(HarnessError):
    """The provider matrix can't be read."""


class BadProfile(HarnessError):
    """The profile of a provider's wire format can't be read."""


class BadCassette(HarnessError):
    """A recording can't be read."""


class BadDeviations(HarnessError):
    """A list of deviations can't be read."""


class BadArchive(HarnessError):
    """A file given to ``audit`` can't be read."""


class BadResults(HarnessError):
    """A results file can't be read."""


class NothingInCommon(HarnessError):
    """Two runs or recordings can't be compared."""


class Unwritable(HarnessError):
    """A file can't be written, or must not be."""


class Unreachable(HarnessError):
    """An address does not respond, or the key is rejected."""


class NotAsked(HarnessError):
    """A request was not sent, or its response not saved, through no fault of the server."""


class NotRecorded(HarnessError):
    """No recording matches a request."""


class UnsupportedSdk(HarnessError):
    """Harness does not support the installed OpenAI SDK."""


class NotInstalled(HarnessError):
    """The environment of some client code can't be installed."""


class UnknownName(HarnessError):
    """A name given on the command line is not known."""


def suggestion(name: str, known: list[str]) -> str:
    """Return the end of a message about an unknown name: the likely one, or all known ones."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"


FEW = 8
"""Up to so many names are all listed, if none is spelled like the given one."""

LISTED_BY = {
    "check": "harness checks",
    "scenario": "harness scenarios",
    "provider": "harness providers",
    "provider or model": "harness providers",
    "model": "GET /v1/models",
}
"""The command, or the request to `harness serve`, that lists the names of a kind."""


def unknown(what: str, name: str, known: list[str]) -> UnknownName:
    """Return the error for a name that is not among ``known``, with the likely ones."""
    return UnknownName(f"unknown {what} {name!r}{near_hint(what, name, known)}")


def near_hint(what: str, name: str, known: list[str]) -> str:
    """Return the end of a message about an unknown name: similar names, all of a few, or where they are listed."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 3) or (known if len(known) <= FEW else [])
    if near:
        return f"; try {', '.join(near)}"
    return f"; see: {LISTED_BY[what]}" if what in LISTED_BY else ""
