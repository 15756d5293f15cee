"""Settings, servers and the connection of the Live page, without a page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fer_core.errors import DataError
from fer_core.live.counters import Counters
from ui.live.connection import Connection, describe, read_connection
from ui.live.counters import real_time
from ui.live.places import LIVE_STREAMS, cores, most_streams
from ui.live.servers import ICE_SERVERS, ice_servers, is_this_machine, what_stands_in_the_way

TURN = {"urls": ["turn:here:3478?transport=udp", "turns:here:5349"], "username": "a", "credential": "b"}


def test_servers_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ice_servers() == []
    monkeypatch.setenv(ICE_SERVERS, '[{"urls": "stun:here:3478"}]')
    assert ice_servers() == [{"urls": "stun:here:3478"}]
    monkeypatch.setenv(ICE_SERVERS, "")
    assert ice_servers() == []


def test_servers_from_the_secrets_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ICE_SERVERS, '[{"urls": "stun:here:3478"}]')
    secrets: dict[str, Any] = {ICE_SERVERS: [TURN]}
    monkeypatch.setattr("streamlit.secrets", SimpleNamespace(to_dict=lambda: secrets))
    assert ice_servers() == [TURN]
    secrets.clear()
    assert ice_servers() == [{"urls": "stun:here:3478"}]


@pytest.mark.parametrize(
    ("damaged", "sentence"),
    [
        ("stun:here", "is no list of servers"),
        ('{"urls": "x"}', "is no list of servers"),
        ('["x"]', "is no list of servers"),
        ('[{"url": "stun:x"}]', "is no list of servers"),
        ('[{"urls": "http://here"}]', "'http://here', which is no server"),
        ('[{"urls": [3]}]', "3, which is no server"),
        ('[{"urls": "turn:here"}]', "turn:here in FERSCOPE_ICE_SERVERS needs a `username` and a `credential`"),
        ('[{"urls": "turn:here", "username": "a", "credential": ""}]', "needs a `username`"),
    ],
)
def test_damaged_list_of_servers_is_a_sentence(damaged: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ICE_SERVERS, damaged)
    with pytest.raises(DataError, match=sentence):
        ice_servers()


def test_number_of_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    assert most_streams() == cores() >= 1
    monkeypatch.setenv(LIVE_STREAMS, " 7 ")
    assert most_streams() == 7
    for bad in ("0", "-1", "2.5", "many", "\u0662"):
        monkeypatch.setenv(LIVE_STREAMS, bad)
        with pytest.raises(DataError, match="takes a whole number of live cameras, at least 1"):
            most_streams()


def test_which_hosts_are_this_machine() -> None:
    assert all(is_this_machine(host) for host in ("localhost", "127.0.0.1", "127.8.9.1", "::1", "app.localhost"))
    assert not any(is_this_machine(host) for host in (None, "192.168.1.7", "localhost.example.org", "example.org"))


def test_what_stands_in_the_way_of_a_camera() -> None:
    assert what_stands_in_the_way(None, []) == []
    assert what_stands_in_the_way("http://localhost:8501/Live", []) == []
    assert what_stands_in_the_way("https://fer.example.org/Live", [TURN]) == []
    (relay,) = what_stands_in_the_way("https://fer.example.org/Live", [])
    assert "no STUN or TURN server is set" in relay
    (relay,) = what_stands_in_the_way("https://fer.example.org/Live", [{"urls": "stun:here"}])
    assert "no TURN server is set" in relay
    (secure,) = what_stands_in_the_way("http://192.168.1.7:8501/Live", [TURN])
    assert "over http from 192.168.1.7" in secure


def context(local: str, remote: str, state: str = "connected") -> Any:
    """A context with streamlit-webrtc's and aiortc's insides, as far as they are looked at."""
    ends = SimpleNamespace(local_candidate=SimpleNamespace(type=local), remote_candidate=SimpleNamespace(type=remote))
    ice = SimpleNamespace(_connection=SimpleNamespace(_nominated={1: ends}))
    transport = SimpleNamespace(receiver=SimpleNamespace(transport=SimpleNamespace(transport=ice)))
    peer = SimpleNamespace(connectionState=state, iceConnectionState="completed", getTransceivers=lambda: [transport])
    return SimpleNamespace(_get_worker=lambda: SimpleNamespace(pc=peer))


@pytest.mark.parametrize(
    ("local", "remote", "way"),
    [
        ("host", "host", "direct, on this machine or network (host, host)"),
        ("srflx", "host", "direct, past an address translation (STUN) (srflx, host)"),
        ("host", "prflx", "direct, past an address translation (STUN) (host, prflx)"),
        ("host", "relay", "through a relay (TURN) (host, relay)"),
    ],
)
def test_way_of_the_picture_in_words(local: str, remote: str, way: str) -> None:
    assert describe(read_connection(context(local, remote))) == ("connected", way)


def test_connection_that_is_not_known() -> None:
    assert describe(read_connection(None)) == ("not known", "not known")
    assert describe(read_connection(SimpleNamespace(_get_worker=lambda: None))) == ("not known", "not known")
    bare = context("host", "host", "connecting")
    bare._get_worker().pc.getTransceivers = list
    assert describe(read_connection(bare)) == ("connecting", "no way in use yet")
    assert describe(Connection("connected", "completed")) == ("connected", "not known")
    assert describe(Connection("failed", "failed"))[0] == "no way found"


def test_insides_of_the_installed_library_are_where_they_are_looked_for() -> None:
    """A change of aiortc or aioice shows here, before it shows as "not known" on the page."""
    from aioice import Candidate
    from aioice.ice import CandidatePair
    from aioice.ice import Connection as Ice
    from aiortc import RTCPeerConnection
    from streamlit_webrtc.component import WebRtcStreamerContext

    assert callable(WebRtcStreamerContext._get_worker)
    assert {"connectionState", "iceConnectionState", "getTransceivers"} <= set(dir(RTCPeerConnection))
    ice = Ice(ice_controlling=False)
    assert ice._nominated == {}
    end = Candidate.from_sdp("6815297761 1 udp 659136 192.0.2.4 31102 typ srflx generation 0")
    pair = CandidatePair(SimpleNamespace(local_candidate=end), end)  # type: ignore[arg-type]
    assert (pair.component, pair.local_candidate.type, pair.remote_candidate.type) == (1, "srflx", "srflx")


def test_real_time_is_claimed_only_where_it_is_so() -> None:
    now = 0.0
    counters = Counters(clock=lambda: now)
    assert real_time(counters.read()).endswith("No frames were timed yet.")
    for _ in range(61):
        counters.count("shown")
        counters.took("total", 0.05)
        now += 1 / 30
    assert real_time(counters.read()).startswith(
        "**Real time**: this machine shows 30 frames a second and answers for 6 of them, the median answer after 50 ms."
    )
    for _ in range(100):
        counters.took("total", 0.3)
    assert real_time(counters.read()).startswith("**Not real time**")
