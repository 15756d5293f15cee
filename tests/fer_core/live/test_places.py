"""The cap on live cameras."""

from __future__ import annotations

import threading

from fer_core.live.places import Places
from tests.fer_core.live.standins import Clock


def test_one_too_many_is_refused_until_a_place_is_given_back() -> None:
    places = Places(lambda: 2, clock=Clock())
    assert places.take("a")
    assert places.take("b")
    assert places.take("a")  # holds it already
    assert not places.free_for("c")
    assert not places.take("c")
    assert places.taken == 2
    places.give_back("a")
    places.give_back("a")
    assert places.free_for("c")
    assert places.take("c")
    assert not places.take("a")


def test_a_stream_that_falls_silent_loses_its_place() -> None:
    clock = Clock()
    places = Places(lambda: 1, silent_s=20, clock=clock)
    assert places.take("a")
    for _ in range(10):
        clock.now += 15
        places.heard("a")
    assert not places.take("b")
    clock.now += 20.1
    assert places.take("b")
    places.heard("a")  # back after its place was given away: counted, though one too many
    assert places.taken == 2
    assert not places.take("c")


def test_limit_is_asked_each_time() -> None:
    limit = 1
    places = Places(lambda: limit)
    assert places.take("a")
    assert not places.take("b")
    limit = 2
    assert places.take("b")


def test_many_threads_get_no_more_than_there_are() -> None:
    places, got = Places(lambda: 5), []
    start = threading.Barrier(20)

    def ask(who: str) -> None:
        start.wait()
        if places.take(who):
            got.append(who)

    threads = [threading.Thread(target=ask, args=(str(i),)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == places.taken == 5
