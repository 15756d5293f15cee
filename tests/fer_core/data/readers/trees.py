"""Small copies of the published layouts, made of drawn pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def picture(path: Path, value: int = 50, size: tuple[int, int] = (10, 12)) -> Path:
    """A grey picture of one value; `size` is (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(
        ".png" if path.suffix.lower() not in (".jpg", ".tiff") else path.suffix.lower(), np.full(size, value, np.uint8)
    )
    assert done
    path.write_bytes(data.tobytes())
    return path


def text(path: Path, content: str) -> Path:
    """A text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def raf_db(root: Path, lines: Mapping[str, str] | None = None) -> Path:
    """RAF-DB's `basic`; `lines` maps names to labels, and each has its aligned picture."""
    lines = lines or {"train_00001.jpg": "5", "train_00002.jpg": "1", "test_0001.jpg": "4"}
    listed = "".join(f"{name} {label}\n" for name, label in lines.items())
    text(root / "basic" / "EmoLabel" / "list_patition_label.txt", listed)
    for value, name in enumerate(lines):
        picture(root / "basic" / "Image" / "aligned" / name.replace(".jpg", "_aligned.jpg"), 40 + value)
    return root


def raf_db_repacked(root: Path) -> Path:
    """RAF-DB as on Kaggle."""
    picture(root / "DATASET" / "train" / "5" / "train_00001_aligned.jpg", 10)
    picture(root / "DATASET" / "train" / "1" / "train_00002_aligned.jpg", 20)
    picture(root / "DATASET" / "test" / "7" / "test_0001_aligned.jpg", 30)
    text(root / "train_labels.csv", "image,label\ntrain_00001_aligned.jpg,5\ntrain_00002_aligned.jpg,1\n")
    text(root / "test_labels.csv", "image,label\ntest_0001_aligned.jpg,7\n")
    return root


def affectnet(root: Path, codes: Mapping[str, tuple[str, ...]] | None = None) -> Path:
    """AffectNet's folders; `codes` of the pictures 0, 1, ... of each part."""
    codes = codes or {"train_set": ("1", "7", "0"), "val_set": ("6",)}
    for part, values in codes.items():
        (root / part / "annotations").mkdir(parents=True)
        for number, code in enumerate(values):
            picture(root / part / "images" / f"{number}.jpg", 10 * number + 5)
            annotations = root / part / "annotations"
            np.save(annotations / f"{number}_exp.npy", np.array(code))
            np.save(annotations / f"{number}_val.npy", np.array("-0.5"))
            np.save(annotations / f"{number}_lnd.npy", np.zeros(136))
    return root


AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
)


def affectnet_row(name: str, code: int) -> str:
    """One line of AffectNet's lists."""
    return f"{name},134,134,899,899,181.64;530.91;188.32,{code},-0.5,0.1"


def affectnet_lists(root: Path) -> Path:
    """AffectNet's lists with their pictures: codes 1, 9 in training, 7, 8 and 10 in validation."""
    lists = root / "Manually_Annotated_file_lists"
    rows = [affectnet_row("689/aa.jpg", 1), affectnet_row("12/bb.JPG", 9)]
    text(lists / "training.csv", "\n".join([AFFECTNET_HEADER, *rows]) + "\n")
    rows = [affectnet_row("3/cc.jpg", 7), affectnet_row("3/dd.jpg", 8), affectnet_row("4/ee.jpg", 10)]
    text(lists / "validation.csv", "\n".join(rows) + "\n")
    for name in ("689/aa.jpg", "12/bb.JPG", "3/cc.jpg", "3/dd.jpg", "4/ee.jpg"):
        picture(root / "Manually_Annotated_Images" / name)
    return root


def kdef(root: Path) -> Path:
    """KDEF beside its averages."""
    for value, name in enumerate(("AF01ANS", "AF01HAFL", "BF01SUHR", "AM12NES")):
        picture(root / "KDEF" / name[:4] / f"{name}.JPG", 10 * value + 5)
    picture(root / "AKDEF" / "FAFFL.JPG")
    return root


def jaffe(root: Path) -> Path:
    """JAFFE's one folder."""
    for value, name in enumerate(("KA.AN1.39", "KA.NE3.28", "YM.FE2.68")):
        picture(root / f"{name}.tiff", 10 * value + 5)
    text(root / "README", "Japanese Female Facial Expression")
    return root


def ck_plus(root: Path) -> Path:
    """CK+ with a labelled sequence of six frames, one of disgust, and one of two frames without a label."""
    for number in range(1, 7):
        picture(root / "cohn-kanade-images" / "S005" / "001" / f"S005_001_{number:08d}.png", 10 * number)
    for number in range(1, 3):
        picture(root / "cohn-kanade-images" / "S010" / "002" / f"S010_002_{number:08d}.png", 100 + number)
    text(root / "Emotion" / "S005" / "001" / "S005_001_00000006_emotion.txt", "   3.0000000e+00\n")
    (root / "Emotion" / "S010" / "002").mkdir(parents=True)
    return root


def class_folders(root: Path) -> Path:
    """Folders of classes below folders of splits."""
    for name in ("train/sad", "train/happy", "val/sad"):
        picture(root / name / "1.png")
    return root


def csv_of_paths(root: Path) -> Path:
    """A list of two files; the answer is the list."""
    picture(root / "faces" / "1.png", 1)
    picture(root / "faces" / "2.png", 2)
    return text(root / "list.csv", "path,emotion\nfaces/1.png,happy\nfaces/2.png,sad\n")


def fer2013(root: Path) -> Path:
    """FER2013's CSV with one black face."""
    return text(root / "fer2013.csv", f"emotion,pixels,Usage\n3,{' '.join(['0'] * 2304)},Training\n")


def ferplus(root: Path) -> Path:
    """FER+'s votes."""
    votes = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    return text(root / "fer2013new.csv", f"Usage,Image name,{votes}\nTraining,fer0000000.png,4,0,0,1,3,2,0,0,0,0\n")


def parquet(root: Path) -> Path:
    """A folder with one part of a Hugging Face data set."""
    data = picture(root / "one.png").read_bytes()
    (root / "one.png").unlink()
    pq.write_table(pa.table({"image": [data], "label": ["sad"]}), root / "train-00000-of-00001.parquet")
    return root


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "affectnet": affectnet,
    "affectnet-csv": affectnet_lists,
    "ck-plus": ck_plus,
    "class-folders": class_folders,
    "csv-paths": csv_of_paths,
    "fer2013-csv": fer2013,
    "ferplus-csv": ferplus,
    "jaffe": jaffe,
    "kdef": kdef,
    "parquet": parquet,
    "raf-db": raf_db,
    "raf-db-repacked": raf_db_repacked,
}
