"""Durations in words."""

import pytest

from fer_core.durations import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (8.2, "8 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (3599, "60 min"),
        (5340, "89 min"),
        (5390, "1 h 30 min"),  # not "90 min"
        (11100, "3 h 05 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
