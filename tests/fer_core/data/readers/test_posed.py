"""KDEF, JAFFE and CK+: posed faces, whose names tell who is on them."""

from pathlib import Path

import pytest

from fer_core.data import read_samples
from fer_core.data.readers.base import ReadOptions
from fer_core.data.readers.ck_plus import CohnKanadePlus
from fer_core.data.readers.schemes import subject_of
from fer_core.errors import DataError
from fer_core.labels import AFFECTNET8, FER7
from tests.fer_core.data.readers.trees import ck_plus, jaffe, kdef, picture, text


def rows(path: Path) -> list[tuple[str, str, str]]:
    table = read_samples(path).samples.table
    return list(zip(*(table[c].to_pylist() for c in ("sample_id", "label", "subject_id")), strict=True))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("AF01ANS.JPG", "F01"),
        ("bm35nefl.jpg", "M35"),
        ("AF36ANS.JPG", None),
        ("AF00ANS.JPG", None),
        ("CF01ANS.JPG", None),
        ("AF01ANX.JPG", None),
        ("AF31V.JPG", None),
        ("AF01ANS", None),
        ("KA.AN1.39.tiff", "KA"),
        ("KA.XX1.39.tiff", None),
        ("S005_001_00000011.png", "S005"),
        ("S05_001_00000011.png", None),
    ],
)
def test_who_a_name_tells_of(name: str, subject: str | None) -> None:
    assert subject_of(name) == subject


def test_kdef(tmp_path: Path) -> None:
    root = kdef(tmp_path)
    assert rows(root) == [
        ("AF01/AF01ANS.JPG", "angry", "F01"),
        ("AF01/AF01HAFL.JPG", "happy", "F01"),
        ("AM12/AM12NES.JPG", "neutral", "M12"),
        ("BF01/BF01SUHR.JPG", "surprise", "F01"),
    ]
    samples = read_samples(root).samples
    assert samples.splits() == {"train": 4}
    assert samples.classes == FER7


def test_every_expression_of_kdef_in_one_folder(tmp_path: Path) -> None:
    codes = ("AF", "AN", "DI", "HA", "NE", "SA", "SU")
    for code in codes:
        picture(tmp_path / f"BM07{code}HR.jpg")
    picture(tmp_path / "FAFFL.JPG")
    result = read_samples(tmp_path)
    assert result.samples.table["label"].to_pylist() == [
        "fear",
        "angry",
        "disgust",
        "happy",
        "neutral",
        "sad",
        "surprise",
    ]
    assert set(result.samples.table["subject_id"].to_pylist()) == {"M07"}
    assert result.left_out == {"average of many faces (AKDEF)": 1}


def test_misnamed_and_misplaced_pictures_of_kdef(tmp_path: Path) -> None:
    root = kdef(tmp_path)
    picture(root / "KDEF" / "AF31" / "AF31V.JPG")
    picture(root / "KDEF" / "AM31" / "AM31H.JPG")
    picture(root / "KDEF" / "AM12" / "AF12SAS.JPG")
    result = read_samples(root, on_error="skip")
    assert [(p.kind, p.where) for p in result.problems] == [
        ("misnamed", "AF31/AF31V.JPG"),
        ("misplaced", "AM12/AF12SAS.JPG"),
        ("misnamed", "AM31/AM31H.JPG"),
    ]
    assert len(result.samples) == 4
    with pytest.raises(DataError, match=r"AF31V.JPG: it is not named like AF01ANS.JPG"):
        read_samples(root)


def test_a_link_out_of_kdef_is_not_followed(tmp_path: Path) -> None:
    root = kdef(tmp_path / "set")
    secret = picture(tmp_path / "secret" / "AF02ANS.JPG")
    (root / "KDEF" / "AF02").symlink_to(secret.parent)
    (root / "KDEF" / "AF01" / "AF01SAS.JPG").symlink_to(secret)
    result = read_samples(root, on_error="skip")
    assert [(p.kind, p.where) for p in result.problems] == [("outside", "AF01/AF01SAS.JPG"), ("outside", "AF02")]
    assert len(result.samples) == 4


def test_jaffe(tmp_path: Path) -> None:
    picture(jaffe(tmp_path) / "YM.SU9.1.jpg")
    assert rows(tmp_path) == [
        ("KA.AN1.39.tiff", "angry", "KA"),
        ("KA.NE3.28.tiff", "neutral", "KA"),
        ("YM.FE2.68.tiff", "fear", "YM"),
        ("YM.SU9.1.jpg", "surprise", "YM"),
    ]
    picture(tmp_path / "KA.XY1.39.tiff")
    result = read_samples(tmp_path, on_error="skip")
    assert [(p.kind, p.where) for p in result.problems] == [("misnamed", "KA.XY1.39.tiff")]


def test_ck_plus(tmp_path: Path) -> None:
    result = read_samples(ck_plus(tmp_path))
    place = "cohn-kanade-images/S005/001/S005_001_0000000"
    assert rows(tmp_path) == [
        (f"{place}1.png", "neutral", "S005"),
        (f"{place}4.png", "disgust", "S005"),
        (f"{place}5.png", "disgust", "S005"),
        (f"{place}6.png", "disgust", "S005"),
    ]
    assert [int(face[0, 0]) for face in result.samples.faces()] == [10, 40, 50, 60]
    assert result.samples.classes == AFFECTNET8
    assert result.samples.table["parent_id"].null_count == 4
    assert result.left_out == {
        "frame of a sequence without an emotion's label": 2,
        "frame between the neutral face and the peak": 2,
    }


def test_number_of_frames_at_the_peak(tmp_path: Path) -> None:
    ck_plus(tmp_path)
    one = CohnKanadePlus(peak_frames=1).read(tmp_path, ReadOptions())
    assert one.samples.table["label"].to_pylist() == ["neutral", "disgust"]
    every = CohnKanadePlus(peak_frames=99).read(tmp_path, ReadOptions())
    assert every.samples.table["label"].to_pylist() == ["neutral", *["disgust"] * 5]


def test_every_code_of_ck_plus(tmp_path: Path) -> None:
    names = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
    for code in range(8):
        for frame in (1, 2):
            picture(tmp_path / "cohn-kanade-images" / "S010" / f"00{code}" / f"S010_00{code}_0000000{frame}.png")
        text(
            tmp_path / "Emotion" / "S010" / f"00{code}" / f"S010_00{code}_00000002_emotion.txt", f" {code}.0000000e+00"
        )
    assert read_samples(tmp_path).samples.table["label"].to_pylist()[1::2] == list(names)


def test_problems_of_ck_plus(tmp_path: Path) -> None:
    root = ck_plus(tmp_path)
    text(root / "Emotion" / "S010" / "002" / "S010_002_00000009_emotion.txt", "5")
    for number in (1, 2):
        picture(root / "cohn-kanade-images" / "S011" / "001" / f"S011_001_0000000{number}.png")
    text(root / "Emotion" / "S011" / "001" / "S011_001_00000002_emotion.txt", "happy")
    result = read_samples(root, on_error="skip")
    assert [(p.kind, p.where) for p in result.problems] == [
        ("missing-file", "cohn-kanade-images/S010/002"),
        ("unknown-code", "Emotion/S011/001/S011_001_00000002_emotion.txt"),
    ]
    assert len(result.samples) == 4
    (root / "Emotion").rename(root / "labels")
    with pytest.raises(DataError, match=r"no folder Emotion beside them"):
        read_samples(root)


def test_kdefs_angle_is_the_pose(tmp_path: Path) -> None:
    codes = {"FL": "full left", "HL": "half left", "S": "straight", "HR": "half right", "fr": "full right"}
    for number, code in enumerate(codes):
        picture(tmp_path / "KDEF" / "AF01" / f"AF01AN{code}.JPG", number)
    table = read_samples(tmp_path / "KDEF").samples.table
    columns = (table[name].to_pylist() for name in ("sample_id", "pose"))
    assert {Path(sample).stem[6:]: pose for sample, pose in zip(*columns, strict=True)} == codes
