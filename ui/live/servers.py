"""What a browser and this machine need to find each other: a secure address, and STUN or TURN between networks."""

from __future__ import annotations

import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from fer_core.errors import DataError
from ui.settings import setting

ICE_SERVERS = "FERSCOPE_ICE_SERVERS"
_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")


def ice_servers() -> list[dict[str, Any]]:
    """STUN and TURN servers from the secrets or the environment, as browsers take them; empty where none is set.

    In the environment they are a JSON list; in the secrets that, or TOML tables `[[FERSCOPE_ICE_SERVERS]]`.

    Raises:
        DataError: they are something else, or a TURN server lacks its user name or password.
    """
    given = setting(ICE_SERVERS)
    remedy = f'{ICE_SERVERS} is no list of servers; write e.g. [{{"urls": "stun:stun.example.org:3478"}}].'
    if isinstance(given, str):
        try:
            given = json.loads(given or "[]")
        except json.JSONDecodeError as error:
            raise DataError(remedy) from error
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(server, dict) and "urls" in server for server in given):
        raise DataError(remedy)
    for server in given:
        _check(server)
    return given


def _check(server: dict[str, Any]) -> None:
    """What a browser would refuse when START is pressed is refused now."""
    urls = server["urls"] if isinstance(server["urls"], list) else [server["urls"]]
    for url in urls:
        if not isinstance(url, str) or not url.startswith(_SCHEMES):
            raise DataError(
                f"{ICE_SERVERS} names {url!r:.100}, which is no server; an address begins with stun: or turn:."
            )
        secret = [server.get(key) for key in ("username", "credential")]
        if url.startswith("turn") and not all(isinstance(one, str) and one for one in secret):
            raise DataError(f"{url[:100]} in {ICE_SERVERS} needs a `username` and a `credential` beside its `urls`.")


def is_this_machine(host: str | None) -> bool:
    """Whether a page from this host comes from the machine that the browser runs on."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def what_stands_in_the_way(url: str | None, servers: list[dict[str, Any]]) -> list[str]:
    """Why a camera may not reach this machine, a sentence each; empty where nothing is known to stand in the way.

    Args:
        url: of the page in the viewer's browser; None where it is not known.
        servers: as `ice_servers` gives them.
    """
    parts = urlsplit(url or "")
    if not url or is_this_machine(parts.hostname):
        return []
    said = []
    if parts.scheme != "https":
        said.append(
            f"Browsers give a camera only to pages that come over https or from localhost. This one comes over "
            f"{parts.scheme} from {parts.hostname}, so that neither START nor a still picture will find a camera. Put "
            "https in front of the app; docs/deploy.md shows how. A video file needs none of it."
        )
    if not any("turn" in str(server["urls"]) for server in servers):
        which = "a TURN server" if servers else "a STUN or TURN server"
        said.append(
            f"This page comes from {parts.hostname} and no {which.removeprefix('a ')} is set. The picture gets through "
            "where your browser and that machine are in one network; past a firewall or an address translation it "
            f"needs {which}, named in {ICE_SERVERS}; docs/deploy.md shows how. A still picture or a video "
            "file needs none of it."
        )
    return said


def explain_the_way(servers: list[dict[str, Any]]) -> None:
    """Says on the page what may keep a camera from reaching this machine."""
    for sentence in what_stands_in_the_way(st.context.url, servers):
        st.warning(sentence)
