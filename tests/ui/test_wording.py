"""How numbers are put into words."""

import pytest

from ui.wording import duration, plural


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (8.2, "8 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),  # not "60 s"
        (60, "1 min"),
        (130, "2 min"),
        (3560, "59 min"),
        (3590, "1 h 0 min"),  # not "60 min"
        (7500, "2 h 5 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("n", "one", "many", "words"),
    [
        (0, "face", "", "0 faces"),
        (1, "face", "", "1 face"),
        (1200, "face", "", "1,200 faces"),
        (1, "class", "classes", "1 class"),
        (2_500_000, "class", "classes", "2,500,000 classes"),
    ],
)
def test_plurals(n: int, one: str, many: str, words: str) -> None:
    assert plural(n, one, many) == words
