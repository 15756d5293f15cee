"""FER2013's CSV files: known pixels, the same faces through every container, and every way to be broken."""

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from fer_core.data import read_samples
from fer_core.data.readers.fer2013_csv import parse_pixels
from fer_core.errors import DataError
from fer_core.labels import FER7

EMOTIONS = (3, 0, 6)
USAGES = ("Training", "PublicTest", "PrivateTest")


def faces() -> list[NDArray[np.uint8]]:
    """All black; all 255; counting 0, 1, ..., 255, 0, 1, ... row by row."""
    counting = (np.arange(48 * 48) % 256).astype(np.uint8).reshape(48, 48)
    return [np.zeros((48, 48), np.uint8), np.full((48, 48), 255, np.uint8), counting]


def numbers(face: NDArray[np.uint8]) -> str:
    return " ".join(str(v) for v in face.ravel().tolist())


def rows() -> list[str]:
    return [f"{e},{numbers(f)},{u}" for e, f, u in zip(EMOTIONS, faces(), USAGES, strict=True)]


def write(path: Path, lines: list[str], header: str = "emotion,pixels,Usage") -> Path:
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_known_rows(tmp_path: Path) -> None:
    result = read_samples(write(tmp_path / "fer2013.csv", rows()))
    samples = result.samples
    assert result.problems == ()
    assert samples.classes == FER7
    assert samples.table["label"].to_pylist() == ["happy", "angry", "neutral"]
    assert samples.table["split"].to_pylist() == ["train", "validation", "test"]
    assert samples.table["sample_id"].to_pylist() == ["fer2013.csv:1", "fer2013.csv:2", "fer2013.csv:3"]
    assert samples.table["width"].to_pylist() == [48, 48, 48]
    assert samples.label_indices().tolist() == [3, 0, 6]
    np.testing.assert_array_equal(samples.pixels(), np.stack(faces()))
    assert samples.pixels()[2, 5, 20] == (5 * 48 + 20) % 256 == 4


def test_the_same_faces_are_the_same_data_in_every_container(tmp_path: Path) -> None:
    csv_path = write(tmp_path / "fer2013.csv", rows())
    icml = [f"{e},{u},{numbers(f)}" for e, f, u in zip(EMOTIONS, faces(), USAGES, strict=True)]
    icml_path = write(tmp_path / "icml_face_data.csv", icml, "emotion, Usage, pixels")
    webp = [cv2.imencode(".webp", f, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes() for f in faces()]
    parquet_path = tmp_path / "fer.parquet"
    pq.write_table(pa.table({"image": webp, "emotion": EMOTIONS, "usage": USAGES}), parquet_path)
    folder = tmp_path / "folders"
    names = ("train/happy", "val/anger", "test/Neutral")
    for name, face in zip(names, faces(), strict=True):
        (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / name / "a.png"), face)

    tables = [read_samples(p).samples for p in (csv_path, icml_path, parquet_path, folder)]
    assert len({t.data_hash() for t in tables}) == 1
    for table in tables:
        np.testing.assert_array_equal(np.sort(table.pixels(), axis=0), np.sort(np.stack(faces()), axis=0))
    # The folder reader sorts by path: test, train, val.
    hashes = tables[0].table["sha256"].to_pylist()
    assert tables[3].table["sha256"].to_pylist() == [hashes[2], hashes[0], hashes[1]]


def test_without_usage_everything_is_training(tmp_path: Path) -> None:
    lines = [f"{e},{numbers(f)}" for e, f in zip(EMOTIONS, faces(), strict=True)]
    samples = read_samples(write(tmp_path / "train.csv", lines, "emotion,pixels")).samples
    assert samples.splits() == {"train": 3}


def test_quotes_blank_lines_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    quoted = [f'"{e}","{numbers(f)}","{u}"' for e, f, u in zip(EMOTIONS, faces(), USAGES, strict=True)]
    text = "\r\n".join(["\ufeffemotion,pixels,Usage", quoted[0], "", *quoted[1:]])
    path = tmp_path / "excel.csv"
    path.write_bytes(text.encode())
    samples = read_samples(path).samples
    np.testing.assert_array_equal(samples.pixels(), np.stack(faces()))
    assert samples.table["sample_id"].to_pylist()[1] == "excel.csv:2"


def test_uneven_spaces_between_pixels_are_read(tmp_path: Path) -> None:
    lines = rows()
    lines[2] = lines[2].replace(" 7 ", "  7 \t", 1)
    samples = read_samples(write(tmp_path / "a.csv", lines)).samples
    np.testing.assert_array_equal(samples.pixels()[2], faces()[2])


BROKEN = [
    (f"7,{numbers(faces()[0])},Training", ["the emotion is '7'", "0 angry", "6 neutral"]),
    (f"-1,{numbers(faces()[0])},Training", ["the emotion is '-1'"]),
    (f"happy,{numbers(faces()[0])},Training", ["the emotion is 'happy'"]),
    (f",{numbers(faces()[0])},Training", ["the emotion is ''"]),
    ("3,1 2 3,Training", ["3 pixel values instead of 2,304"]),
    (f"3,{numbers(faces()[0])} 9,Training", ["2,305 pixel values instead of 2,304"]),
    ("3,,Training", ["0 pixel values"]),
    (f"3,{numbers(faces()[2])[:-3]}256,Training", ["pixel 2,304 is '256'"]),
    (f"3,{numbers(faces()[2]).replace(' 17 ', ' -17 ', 1)},Training", ["pixel 18 is '-17'"]),
    (f"3,{numbers(faces()[2]).replace(' 17 ', ' 1.7 ', 1)},Training", ["pixel 18 is '1.7'"]),
    (f"3,{numbers(faces()[2]).replace(' 17 ', ' x ', 1)},Training", ["pixel 18 is 'x'"]),
    (f"3,{numbers(faces()[2]).replace(' 17 ', ' ' + '9' * 5000 + ' ', 1)},Training", ["pixel 18 is '9999"]),
    (f"3,{numbers(faces()[0])},Holdout", ["the Usage is 'Holdout'", "PublicTest"]),
    (f"3,{numbers(faces()[0])}", ["2 field(s), but the header has 3"]),
    ("3", ["1 field(s), but the header has 3"]),
    (f"3,{numbers(faces()[0])},Training,more", ["4 field(s), but the header has 3"]),
]


@pytest.mark.parametrize(("line", "said"), BROKEN)
def test_a_broken_row_is_named(tmp_path: Path, line: str, said: list[str]) -> None:
    good = rows()
    # Row 3 stands on line 5, because a blank line before it is no row.
    path = write(tmp_path / "fer2013.csv", [good[0], "", good[1], line, good[2]])
    with pytest.raises(DataError) as caught:
        read_samples(path)
    for part in ["fer2013.csv, row 3 (line 5)", *said]:
        assert part in str(caught.value)

    result = read_samples(path, on_error="skip")
    np.testing.assert_array_equal(result.samples.pixels(), np.stack(faces()))
    assert result.samples.table["sample_id"].to_pylist() == [f"fer2013.csv:{n}" for n in (1, 2, 4)]
    assert [(p.row, p.where) for p in result.problems] == [(3, "fer2013.csv, row 3 (line 5)")]
    assert said[0] in result.problems[0].what


def test_nothing_readable(tmp_path: Path) -> None:
    path = write(tmp_path / "fer2013.csv", ["9,1,Training", "8,1,Training"])
    with pytest.raises(DataError, match=r"Nothing .* could be read. The first of 2 problem\(s\): .*row 1 .*'9'"):
        read_samples(path, on_error="skip")
    with pytest.raises(DataError, match="holds no samples"):
        read_samples(write(tmp_path / "empty.csv", []))


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", [numbers(faces()[0])], "pixels")
    with pytest.raises(DataError, match=r"lacks the column\(s\) emotion. It has pixels; needed are emotion and pixels"):
        read_samples(path)
    path = write(tmp_path / "b.csv", ["3,Training"], "emotion,Usage")
    with pytest.raises(DataError, match=r"lacks the column\(s\) pixels. It has emotion, Usage"):
        read_samples(path)


def test_progress_ends_at_the_files_size(tmp_path: Path) -> None:
    path = write(tmp_path / "fer2013.csv", rows() * 100)
    seen: list[tuple[int, int]] = []
    read_samples(path, progress=lambda done, total: seen.append((done, total)))
    size = path.stat().st_size
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) == 3  # two full batches of 128 rows, and the end
    assert seen[-1] == (size, size)


def test_parse_pixels_by_hand() -> None:
    text = " ".join(["0", "9", "10", "99", "100", "255"] + ["42"] * 2298).encode()
    parsed = parse_pixels([text, text])
    assert parsed is not None
    assert parsed.shape == (2, 2304)
    assert parsed[1, :7].tolist() == [0, 9, 10, 99, 100, 255, 42]


@pytest.mark.parametrize(
    "texts",
    [
        [b"1 " * 2303],  # ends in a space
        [b" ".join([b"1"] * 2303), b" ".join([b"1"] * 2305)],  # as many numbers as two faces, but not two faces
        [b" ".join([b"1"] * 2303 + [b"256"])],
        [b" ".join([b"1"] * 2303 + [b"0001"])],
        [b" ".join([b"1"] * 2303 + [b"1\t1"])],
    ],
)
def test_parse_pixels_leaves_the_irregular_to_the_careful_way(texts: list[bytes]) -> None:
    assert parse_pixels(texts) is None


def test_parse_pixels_of_nothing() -> None:
    parsed = parse_pixels([])
    assert parsed is not None
    assert parsed.shape == (0, 2304)
