"""How numbers are put into words, the same on every page."""

from __future__ import annotations

WHAT_IT_IS = (
    "What is shown is the **expression as annotators would label it**, not what a person feels. In the European Union "
    "the AI Act (Art. 5(1)(f)) forbids inferring emotions at work and in education, medical and safety reasons aside."
)


def plural(n: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> plural(1, "face"), plural(1200, "face"), plural(2, "class", "classes")
    ('1 face', '1,200 faces', '2 classes')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"
