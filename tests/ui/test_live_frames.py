"""What keeps a live picture flowing: frames that are late are dropped."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import MediaStreamTrack
from aiortc.contrib.media import MediaRelay

from ui.live.frames import keep_the_newest_only


class Numbers(MediaStreamTrack):
    """A camera whose frames are the numbers from 1, a thousand a second."""

    kind = "video"
    last = 0

    async def recv(self) -> int:  # type: ignore[override]
        await asyncio.sleep(0.001)
        self.last += 1
        return self.last


def test_who_is_slow_gets_the_newest_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    found = vars(MediaRelay)["subscribe"]  # as another test of this process may have left it
    monkeypatch.setattr(MediaRelay, "subscribe", getattr(found, "func", found))

    async def second_frame() -> tuple[int, int]:
        camera = Numbers()
        picture = MediaRelay().subscribe(camera)
        await picture.recv()
        while camera.last < 50:
            await asyncio.sleep(0.01)
        seen = int(await picture.recv())  # type: ignore[arg-type]
        picture.stop()
        return seen, camera.last

    assert asyncio.run(second_frame())[0] == 2  # the library's way: 48 frames late
    keep_the_newest_only()
    keep_the_newest_only()  # once for each viewer
    seen, newest = asyncio.run(second_frame())
    assert 50 <= seen <= newest
