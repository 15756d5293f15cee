"""Where the points of a face come from. A new source is one new class with a `name` and a `find`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.schematic.regions import LANDMARK_NAMES
from fer_core.errors import DataError
from fer_core.faces.face import Detector
from fer_core.regions.masks import RegionMasks, region_masks
from fer_core.regions.points import FacePoints

Picture = NDArray[np.uint8]

# Medians over 1,183 of 1,200 crops drawn at random from FER2013's train split, made alike on both sides; the other 17
# showed YuNet no face. Two thirds of the eyes lie within 0.06 of these, of the mouths' corners too. The script is
# `benchmarks.mean_face`.
MEAN_FACE = np.array(((0.313, 0.386), (0.687, 0.386), (0.5, 0.598), (0.35, 0.762), (0.65, 0.762)))
# What the network may expect of itself; see docs/landmarks.md for how many faces that leaves, and how exact they are.
LARGEST_ERROR = 0.2
SOURCE_NAMES = ("network", "yunet", "mean")
_SCORE = 0.7
_MIDDLE = 0.25  # how far the box's centre may lie from the crop's, as a fraction of the crop's longer side


class PointSource(Protocol):
    """Finds the points of face crops."""

    name: str

    def find(self, faces: Sequence[Picture], sample_ids: Sequence[str]) -> list[FacePoints | None]:
        """The points of each face; None where this source has none.

        Args:
            faces: N crops, (H, W) grey or (H, W, 3) RGB, uint8.
            sample_ids: N, as in the sample table.
        """
        ...


class KnownPoints:
    """Points that are known, such as those that schematic faces were drawn from.

    Args:
        landmarks: by sample id (len(LANDMARK_NAMES), 2) x and y in pixels of the sample's picture, in the order of
            `fer_core.data.schematic.LANDMARK_NAMES`, the first five of which are `fer_core.faces.LANDMARKS`.
    """

    name = "known landmarks"

    def __init__(self, landmarks: Mapping[str, NDArray[np.floating]]) -> None:
        self._landmarks = landmarks

    @classmethod
    def of_truth(cls, truth: Any) -> KnownPoints:
        """The points in the truth about a `SchematicSet`, an Arrow table of `TRUTH_SCHEMA`."""
        pairs = zip(truth["sample_id"].to_pylist(), truth["landmarks"].to_pylist(), strict=True)
        return cls({name: np.array(flat).reshape(-1, 2) for name, flat in pairs if flat is not None})

    def find(self, faces: Sequence[Picture], sample_ids: Sequence[str]) -> list[FacePoints | None]:
        """See `PointSource.find`."""
        return [self._of(face, name) for face, name in zip(faces, sample_ids, strict=True)]

    def _of(self, face: Picture, sample_id: str) -> FacePoints | None:
        places = self._landmarks.get(sample_id)
        if places is None:
            return None
        if places.shape != (len(LANDMARK_NAMES), 2):
            raise DataError(
                f"Sample {sample_id} has landmarks of the shape {places.shape}, not ({len(LANDMARK_NAMES)}, 2); give "
                "those of LANDMARK_NAMES, in their order."
            )
        parts = np.asarray(places, np.float64) / (face.shape[1], face.shape[0])
        return FacePoints(parts[:5], dict(zip(LANDMARK_NAMES, parts, strict=True)))


class KnownPlaces:
    """Points that have been found already, by sample id.

    Args:
        points: by sample id.
        name: of the source that found them.
    """

    def __init__(self, points: Mapping[str, FacePoints], name: str = "found before") -> None:
        self._points = points
        self.name = name

    def find(self, faces: Sequence[Picture], sample_ids: Sequence[str]) -> list[FacePoints | None]:
        """See `PointSource.find`."""
        return [self._points.get(name) for _, name in zip(faces, sample_ids, strict=True)]


class DetectedPoints:
    """YuNet's five points, in crops as well as in photographs: it looks at small pictures enlarged.

    A face counts where its box's centre lies in the middle of the crop and its score is 0.7 or more; of several the
    one nearest to the crop's centre. A crop whose eyes and mouth are implausible (the mouth above the eyes, or nearer
    to them than a third of their distance) has none.

    Args:
        detector: gives landmarks; None takes YuNet without its second look, 10 ms a face.

    Raises:
        UnavailableError: YuNet's file is not on this machine, and no detector was given.
    """

    name = "detected points"

    def __init__(self, detector: Detector | None = None) -> None:
        from fer_core.faces.yunet import YuNet

        self._detector: Detector = detector or YuNet(exact_landmarks=False)

    def find(self, faces: Sequence[Picture], sample_ids: Sequence[str]) -> list[FacePoints | None]:
        """See `PointSource.find`; the ids are not looked at."""
        del sample_ids
        return [self._of(face) for face in faces]

    def _of(self, crop: Picture) -> FacePoints | None:
        rgb = crop if crop.ndim == 3 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB), np.uint8)
        height, width = crop.shape[:2]
        centre, reach = (width / 2, height / 2), _MIDDLE * max(width, height)
        near = [f for f in self._detector.detect(rgb) if f.score >= _SCORE and math.dist(f.centre, centre) <= reach]
        if not near:
            return None
        five = min(near, key=lambda f: math.dist(f.centre, centre)).landmarks
        return None if five is None or not plausible(five) else FacePoints(five / np.array((width, height)))


class NetworkPoints:
    """The five points of tight crops by the landmark network that comes with FERScope; see `landmark_net`.

    A crop of which the network expects too large an error of itself, as of one without a face, has none.

    Args:
        largest_error: mean distance from the true points that may be expected, over the distance between the eyes.
    """

    name = "landmark network"

    def __init__(self, largest_error: float = LARGEST_ERROR) -> None:
        self._largest_error = largest_error

    def find(self, faces: Sequence[Picture], sample_ids: Sequence[str]) -> list[FacePoints | None]:
        """See `PointSource.find`; the ids are not looked at.

        Raises:
            CheckpointError: the network's weights are missing or damaged.
            ImageError: a crop that is not a picture.
        """
        from fer_core.preprocess import Preprocess
        from fer_core.regions.landmark_net import SIDE_PX, find_five

        del sample_ids
        five, errors = find_five(Preprocess(size_px=SIDE_PX).pixels(faces))
        good = [error <= self._largest_error and plausible(one) for one, error in zip(five, errors, strict=True)]
        return [FacePoints(one) if use else None for one, use in zip(five, good, strict=True)]


def plausible(five: NDArray[np.floating]) -> bool:
    """Whether points (5, 2) may be a face's: the mouth below the eyes, by more than a third of their distance."""
    right, left, _, mouth_right, mouth_left = np.asarray(five, np.float64)
    down, across = (mouth_right + mouth_left - right - left) / 2, left - right
    apart = across[0] * down[1] - across[1] * down[0]  # area of the frame: positive where the mouth is below the eyes
    long = float(np.hypot(*across))
    return bool(np.isfinite(five).all()) and long > 0 and apart / long > long / 3


class MeanFace:
    """The same points for every crop of a data set, for where nothing better is known.

    Args:
        five: (5, 2) fractions of the crop's sides; default `MEAN_FACE`, that of tight crops such as FER2013's.
    """

    name = "mean face"

    def __init__(self, five: NDArray[np.floating] | None = None) -> None:
        self._points = FacePoints(np.asarray(MEAN_FACE if five is None else five, np.float64))

    @classmethod
    def fitted(cls, found: Sequence[FacePoints | None]) -> MeanFace:
        """The median of faces of the same data set that another source has found.

        Raises:
            DataError: there is none.
        """
        known = [points.five for points in found if points is not None]
        if not known:
            raise DataError("No face has points that a mean face could be fitted to; use MeanFace() as it is.")
        return cls(np.median(np.stack(known), 0))

    def find(self, faces: Sequence[Picture], sample_ids: Sequence[str]) -> list[FacePoints | None]:
        """See `PointSource.find`; every face has these."""
        del sample_ids
        return [self._points] * len(faces)


def usual_sources(landmarks: Mapping[str, NDArray[np.floating]] | None = None) -> tuple[PointSource, ...]:
    """What regions are found with unless something else is asked for, best first.

    Known landmarks where they are given, then the landmark network, then the mean face: the same on every machine.
    """
    known = (KnownPoints(landmarks),) if landmarks else ()
    return (*known, NetworkPoints(), MeanFace())


def named_sources(name: str) -> tuple[PointSource, ...]:
    """What finds points when asked for by name, with the mean face for the faces that it does not find.

    Args:
        name: `network`; `yunet`, which looks at each crop enlarged; or `mean` for the mean face alone.

    Raises:
        DataError: another name.
        UnavailableError: `yunet`, and its file is not on this machine and cannot be downloaded.
    """
    if name not in SOURCE_NAMES:
        raise DataError(f"There is no source of points {name!r}; choose {', '.join(SOURCE_NAMES)}.")
    if name == "mean":
        return (MeanFace(),)
    return (DetectedPoints() if name == "yunet" else NetworkPoints(), MeanFace())


def find_points(
    faces: Sequence[Picture], sources: Sequence[PointSource], sample_ids: Sequence[str] | None = None
) -> list[tuple[FacePoints, str]]:
    """The points of face crops with the name of their source, each from the first source that knows them.

    Args:
        faces: N crops of any size. May be empty.
        sources: best first.
        sample_ids: N; default: none known.

    Raises:
        DataError: no source has points for a face; put a `MeanFace` last.
    """
    names = list(sample_ids) if sample_ids is not None else [""] * len(faces)
    found: list[tuple[FacePoints, str] | None] = [None] * len(faces)
    for source in sources:
        open_rows = [row for row, points in enumerate(found) if points is None]
        if not open_rows:
            break
        looked = source.find([faces[row] for row in open_rows], [names[row] for row in open_rows])
        for row, points in zip(open_rows, looked, strict=True):
            if points is not None:
                found[row] = (points, source.name)
    kept = [pair for pair in found if pair is not None]
    if len(kept) < len(found):
        missing = names[found.index(None)] or f"number {found.index(None)}"
        tried = ", ".join(source.name for source in sources) or "none"
        raise DataError(f"No points are known of face {missing} (sources: {tried}); put the mean face last.")
    return kept


def find_regions(
    faces: Sequence[Picture], size_px: int, sources: Sequence[PointSource], sample_ids: Sequence[str] | None = None
) -> RegionMasks:
    """The regions of face crops; see `find_points`.

    Args:
        faces: N crops of any size. May be empty.
        size_px: side of the masks, that of the network's input.
        sources: best first.
        sample_ids: N; default: none known.

    Raises:
        DataError: as `find_points`.
    """
    found = find_points(faces, sources, sample_ids)
    return region_masks([points for points, _ in found], size_px, [name for _, name in found])
