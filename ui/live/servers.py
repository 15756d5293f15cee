"""STUN and TURN: the servers that help a browser and this machine to find each other."""

from __future__ import annotations

import json
import os
from typing import Any

from fer_core.errors import DataError

ICE_SERVERS = "FERSCOPE_ICE_SERVERS"


def ice_servers() -> list[dict[str, Any]]:
    """STUN and TURN servers from the environment, a JSON list as browsers take it; empty where none is set.

    Raises:
        DataError: the variable holds something else.
    """
    text = os.environ.get(ICE_SERVERS, "[]")
    remedy = f'{ICE_SERVERS} is no list of servers; write e.g. [{{"urls": "stun:stun.example.org:3478"}}].'
    try:
        servers = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(remedy) from error
    if not isinstance(servers, list) or not all(isinstance(s, dict) and "urls" in s for s in servers):
        raise DataError(remedy)
    return servers
