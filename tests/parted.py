"""Divides parameters into those of ``make test`` and those left to ``make test-thorough``."""

from collections.abc import Container, Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def parted(values: Iterable[Any], quick: Container[Any]) -> list[ParameterSet]:
    """Return ``values`` as parameters, all thorough but the ``quick`` ones."""
    return [pytest.param(one, marks=() if one in quick else pytest.mark.thorough) for one in values]


def each(number: int, values: Iterable[Any]) -> list[ParameterSet]:
    """Return ``values`` as parameters, all thorough but one in ``number``."""
    return [pytest.param(one, marks=pytest.mark.thorough if at % number else ()) for at, one in enumerate(values)]
