"""Extracts values from a prompt that a model would use in arguments: numbers, quoted texts, names."""

import re
from collections.abc import Iterator
from typing import Any

_NUMBER = re.compile(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,6})?(?![\w.]*\w)")
_IN_CALL = re.compile(r"\(\s*(-?\d{1,15}(?:\.\d{1,6})?)\s*[,)]")
_QUOTED = re.compile(r"[\"“「『]([^\"”」』\n]{1,200})[\"”」』]|(?<!\w)['‘]([^'’\n]{1,200})['’](?!\w)")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w-]+(?:\s+[A-Z][\w-]+)*")
_LONGEST = 20_000
"""Characters of a prompt that are searched."""


class Hints:
    """The values of a text, each returned once."""

    def __init__(self, text: str = "") -> None:
        text = text[:_LONGEST]
        self.text_of_prompt = text
        self._numbers = [*dict.fromkeys([*_IN_CALL.findall(text), *_NUMBER.findall(text)])]
        self._texts: list[str] | None = None  # found when the first is asked for

    def copy(self) -> "Hints":
        """Return the remaining hints as a copy to consume."""
        other = object.__new__(Hints)
        other.text_of_prompt, other._numbers = self.text_of_prompt, self._numbers
        other._texts = None if self._texts is None else [*self._texts]
        return other

    def numbers(self, *, whole: bool) -> Iterator[float]:
        """Yield the remaining numbers, in order."""
        for said in tuple(self._numbers):
            number = float(said) if "." in said else int(said)
            if not whole or isinstance(number, int):
                yield number

    def number(self, *, whole: bool) -> float:
        """Return and consume the next number; 1 if none is left."""
        for number in self.numbers(whole=whole):
            self.used(number)
            return number
        return 1

    def used(self, number: float) -> None:
        """Consume a number that was used."""
        self._numbers = [said for said in self._numbers if (float(said) if "." in said else int(said)) != number]

    def text(self, name: str) -> str | None:
        """Return the next text; preferably one that follows the name of the property."""
        after = (
            re.search(rf"\b{re.escape(name)}\s*(?:=|:|is)\s*[\"']?([\w@./+-]+)", self.text_of_prompt) if name else None
        )
        if after:
            return after[1]
        if self._texts is None:
            self._texts = _texts_in(self.text_of_prompt)
        return self._texts.pop(0) if self._texts else None

    def first(self, values: list[Any]) -> list[Any]:
        """Return values with those first that the prompt names."""
        said = self.text_of_prompt.lower()
        return sorted(values, key=lambda one: not (isinstance(one, str) and one and one.lower() in said))


def _texts_in(text: str) -> list[str]:
    """Return what a text quotes, and then the names in it, each once."""
    quoted = [one or other for one, other in _QUOTED.findall(text)]
    return [*dict.fromkeys([*quoted, *_NAME.findall(text)])]


def spoken(name: str) -> str:
    """Return the default text for a property that the prompt does not mention."""
    return (name or "text").replace("_", " ")
