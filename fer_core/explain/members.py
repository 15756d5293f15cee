"""What to call a layer that lies in a member of an ensemble, and what a map there tells of."""

from __future__ import annotations

import re

_OF_MEMBER = re.compile(r"members\.(\d+)\.network\.")


def layer_title(layer: str) -> str:
    """A layer's name as it is shown: one of an ensemble's member is called so, any other as it is.

    >>> layer_title("members.1.network.features.relu"), layer_title("features.relu")
    ('member 2, features.relu', 'features.relu')
    """
    found = _OF_MEMBER.match(layer)
    return f"member {int(found[1]) + 1}, {layer[found.end() :]}" if found else layer


def member_note(layer: str) -> str:
    """What to tell a reader of a map at a layer of an ensemble's member; empty for any other layer."""
    found = _OF_MEMBER.match(layer)
    if not found:
        return ""
    return (
        f"The layer lies in member {int(found[1]) + 1} of an ensemble: its map tells of that member's part in the "
        "answer alone. Integrated gradients and occlusion look at the input and tell of all members."
    )
