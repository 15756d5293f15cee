"""What a card says of its training, with a seed."""

from typing import Any


def trained(seed: int, **recipe: Any) -> dict[str, Any]:
    return {
        "data": "d", "data_hash": "0", "n": 9, "seed": seed, "selected_on": "last",
        "recipe": {"name": "r", "seed": seed, "epochs": 3} | recipe,
    }  # fmt: skip
