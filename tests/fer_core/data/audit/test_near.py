"""Near twins: the search against every pair by hand, the comparison against NumPy."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.data.audit import AuditContext, audit
from fer_core.data.audit.near import correlations, hash_bits, near_pairs
from fer_core.data.looks import perceptual_hashes

Picture = NDArray[np.uint8]
Face = Callable[[int], Picture]
Table = Callable[..., SampleTable]


def test_near_pairs_are_those_of_two_loops() -> None:
    chance = np.random.default_rng(0)
    hashes = chance.integers(0, 2**64, 300, dtype=np.uint64)
    for copy, flips in ((7, 3), (130, 12), (131, 13), (299, 0)):  # more than one block of rows
        hashes[copy] = hashes[copy - 5] ^ sum(np.uint64(1 << int(b)) for b in chance.choice(64, flips, replace=False))
    found = np.concatenate([pairs for _, pairs in near_pairs(hashes, hashes, 12)])
    numbers = [int(h) for h in hashes]
    expected = [(i, j) for j in range(300) for i in range(j) if (numbers[i] ^ numbers[j]).bit_count() <= 12]
    assert sorted(map(tuple, found.tolist())) == sorted(expected)
    assert (2, 7) in expected
    assert (125, 130) in expected
    assert (126, 131) not in expected


def test_near_pairs_against_other_hashes_and_of_none() -> None:
    one, other = np.array([0b1111, 0, 5], np.uint64), np.array([9, 0b0111, 0b1110], np.uint64)
    (done, pairs), *_ = near_pairs(one, other, 1)
    assert done == 1
    assert pairs.tolist() == [[0, 1], [0, 2]]  # (1, 2) differs in three bits, (2, 0) and (0, 0) are not i < j
    assert list(near_pairs(one[:0], one[:0], 12)) == []


def test_hash_bits_read_hexadecimal() -> None:
    assert hash_bits(["000000000000000a", "8000000000000001"]).tolist() == [10, 2**63 + 1]


def test_correlation_without_shift_is_pearsons(face: Face) -> None:
    pictures = np.stack([face(0), face(1)])
    fine = [cv2.resize(cv2.GaussianBlur(p, (0, 0), 0.6), (96, 96)).astype(float) for p in pictures]
    best = max(
        np.corrcoef(fine[0][4:-4, 4:-4].ravel(), fine[1][4 + y : 92 + y, 4 + x : 92 + x].ravel())[0, 1]
        for y in range(-4, 5)
        for x in range(-4, 5)
    )
    assert correlations(pictures, np.array([[0, 1]]))[0] == pytest.approx(best, abs=1e-5)


def test_correlation_forgives_shift_light_and_mirror_but_not_another_picture(face: Face) -> None:
    one = face(3)
    shifted = np.roll(one, (2, -1), (0, 1))
    pictures = np.stack([one, shifted, (one * 0.4 + 20).astype(np.uint8), one[:, ::-1], face(4), np.full_like(one, 9)])
    pairs = np.array([[0, 1], [0, 2], [0, 3], [0, 4], [5, 0]])
    shift, light, mirror, other, blank = correlations(pictures, pairs).tolist()
    assert min(shift, light) > 0.99
    assert max(mirror, other) < 0.6
    assert blank == 0
    assert correlations(pictures, pairs, mirrored=True)[2] == pytest.approx(1)


def test_twins_of_all_kinds_are_found_and_others_are_not(face: Face, table: Table) -> None:
    one = face(0)
    coded = cv2.imdecode(cv2.imencode(".jpg", face(1), [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_GRAYSCALE)
    faces = [
        *(face(i) for i in range(40)),
        (one * 0.7 + 30).astype(np.uint8),  # 40, of 0
        coded,  # 41, of 1
        np.ascontiguousarray(face(2)[:, ::-1]),  # 42, of 2
        face(3),  # 43, equal to 3
    ]
    splits = ["train"] * 40 + ["test", "validation", "test", "test"]
    report = audit(table(faces, split=splits), ["near-twins-across-splits", "near-twins-within-split"])
    finding = report["near-twins-across-splits"]
    assert set(finding.groups) == {("0", "40"), ("1", "41"), ("2", "42")}
    assert finding.count == 6
    assert finding.remedy.sample_ids == ("0", "1", "2")
    assert finding.figures["mirrored_pairs_in_data"] == 1
    assert finding.figures["pairs_in_data"] == 3
    assert finding.figures["test_in_train"]["k"] == 2
    assert finding.figures["test_in_train"]["n"] == 3
    assert report["near-twins-within-split"].count == 0


def test_an_exact_copy_of_a_near_twin_is_in_its_group(face: Face, table: Table) -> None:
    lighter = np.clip(face(0) * 1.1, 0, 255).astype(np.uint8)
    samples = table([face(0), lighter, face(0), face(1)], split=["train", "train", "test", "test"])
    report = audit(samples, ["near-twins-across-splits", "near-twins-within-split"])
    assert report["near-twins-across-splits"].groups == (("0", "1", "2"),)
    assert report["near-twins-within-split"].groups == (("0", "1"),)
    assert report["near-twins-within-split"].remedy.sample_ids == ("1",)


def test_hashes_of_the_table_are_used_where_they_are(face: Face, table: Table) -> None:
    faces = [face(0), face(1)]
    looks = {"phash": ["0" * 16, "f" * 16], "brightness": [1.0, 2.0], "contrast": [40.0, 41.0], "sharpness": [9.0, 8.0]}
    assert AuditContext(table(faces, **looks)).look("phash").tolist() == ["0" * 16, "f" * 16]
    measured = AuditContext(table(faces))
    assert measured.look("phash").tolist() == perceptual_hashes(np.stack(faces))
    np.testing.assert_allclose(measured.look("brightness"), [f.mean() for f in faces], rtol=1e-5)
    np.testing.assert_allclose(measured.look("contrast"), [f.std() for f in faces], rtol=1e-5)
