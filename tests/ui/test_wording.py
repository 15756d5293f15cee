"""How numbers are put into words."""

import pytest

from ui.wording import plural


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
