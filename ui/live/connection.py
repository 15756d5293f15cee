"""How the picture travels between the browser and this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_STATES = {
    "new": "not connected yet",
    "connecting": "connecting",
    "checking": "looking for a way",
    "connected": "connected",
    "completed": "connected",
    "disconnected": "interrupted",
    "failed": "no way found",
    "closed": "closed",
}
_NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Connection:
    """A peer connection in its own terms.

    Attributes:
        state: of the whole, as `RTCPeerConnection.connectionState`.
        ice_state: of the way through the network, as `iceConnectionState`.
        local: type of this machine's end of the way in use: `host`, `srflx`, `prflx` or `relay`; None before one is.
        remote: of the browser's end.
    """

    state: str
    ice_state: str
    local: str | None = None
    remote: str | None = None

    @property
    def in_words(self) -> str:
        """The state as people say it."""
        return _STATES.get(self.state, self.state)

    @property
    def way(self) -> str:
        """What the pair of candidates means."""
        ends = (self.local, self.remote)
        if None in ends:
            return "no way in use yet" if self.state != "connected" else _NOT_KNOWN
        if "relay" in ends:
            return "through a relay (TURN)"
        if ends == ("host", "host"):
            return "direct, on this machine or network"
        return "direct, past an address translation (STUN)"


def read_connection(context: Any) -> Connection | None:
    """The connection behind a `webrtc_streamer`; None where there is none, or where the library hides it.

    Neither streamlit-webrtc nor aiortc offers this: it is read from the inside of the versions that
    `requirements.txt` names, and nowhere else in the product.
    """
    try:
        peer = context._get_worker().pc  # noqa: SLF001
        known = Connection(str(peer.connectionState), str(peer.iceConnectionState))
    except AttributeError:
        return None
    try:
        ice = peer.getTransceivers()[0].receiver.transport.transport
        pair = ice._connection._nominated[1]  # noqa: SLF001  (component 1 is the one that aiortc uses)
        return Connection(known.state, known.ice_state, str(pair.local_candidate.type), str(pair.remote_candidate.type))
    except (AttributeError, LookupError):
        return known


def describe(connection: Connection | None) -> tuple[str, str]:
    """State and way in words; `not known` where the library does not tell."""
    if connection is None:
        return _NOT_KNOWN, _NOT_KNOWN
    ends = f" ({connection.local}, {connection.remote})" if connection.local else ""
    return connection.in_words, connection.way + ends
