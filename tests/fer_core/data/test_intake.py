"""Archives that mean well are unpacked; archives that do not are refused by name and leave nothing behind."""

import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from fer_core.data import read_samples
from fer_core.data.intake import ArchiveLimits, unpack
from fer_core.errors import DataError

PNG = cv2.imencode(".png", np.arange(256, dtype=np.uint8).reshape(16, 16))[1].tobytes()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # as it is; the constructor would tidy it
            info.compress_type = method
            archive.writestr(info, data)
    return held.getvalue()


def tarred(*members: tarfile.TarInfo, data: bytes = PNG, mode: str = "w:gz") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:  # type: ignore[call-overload]
        for info in members:
            info.size = len(data) if info.isfile() else 0
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


def refused(source: bytes, tmp_path: Path, match: str, **limits: float) -> None:
    """The archive is refused with these words, and nothing at all is left."""
    place = tmp_path / "place"
    place.mkdir(exist_ok=True)
    with pytest.raises(DataError, match=match):
        unpack(source, place / "data", ArchiveLimits(**limits))  # type: ignore[arg-type]
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_data_set_is_unpacked_and_read(kind: str, tmp_path: Path) -> None:
    names = [f"faces/{label}/{i}.png" for label in ("angry", "happy") for i in range(3)]
    if kind == "zip":
        source = zipped(dict.fromkeys(names, PNG))
    else:
        source = tarred(*map(tarfile.TarInfo, names), mode="w:gz" if kind == "tar.gz" else "w")
    told: list[tuple[int, int]] = []
    result = unpack(source, tmp_path / "data", progress=lambda done, total: told.append((done, total)))
    assert (result.files, result.size_bytes, result.left_out) == (6, 6 * len(PNG), {})
    assert result.folder == tmp_path / "data"
    assert result.content == tmp_path / "data" / "faces"
    assert sorted(p.relative_to(result.folder).as_posix() for p in result.folder.rglob("*.png")) == sorted(names)
    assert (result.content / "angry" / "0.png").read_bytes() == PNG
    assert told[-1][0] <= told[-1][1]
    assert kind == "tar.gz" or told[-1][0] > 0
    assert len(read_samples(result.content).samples) == 6
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_a_path_a_stream_and_an_empty_folder_do(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"fer2013.csv": b"emotion,pixels,Usage\n"}))
    (tmp_path / "empty").mkdir()
    assert unpack(tmp_path / "a.zip", tmp_path / "empty").content == tmp_path / "empty" / "fer2013.csv"
    with (tmp_path / "a.zip").open("rb") as stream:
        stream.read(10)
        assert unpack(stream, tmp_path / "b").files == 1
    with pytest.raises(DataError, match="is there already"):
        unpack(tmp_path / "a.zip", tmp_path / "b")
    with pytest.raises(DataError, match=r"none\.zip cannot be opened"):
        unpack(tmp_path / "none.zip", tmp_path / "c")


def test_what_is_no_data_is_counted_and_left_out(tmp_path: Path) -> None:
    members = {
        "train/angry/1.png": PNG,
        "test/sad/1.PNG": PNG,
        "readme.txt": b"hello",
        "run.exe": b"MZ",
        "more.zip": zipped({"x/1.png": PNG}),
        "__MACOSX/train/angry/._1.png": b"fork",
        ".DS_Store": b"x",
        "weights.pkl": b"pickle",
        "LICENSE": b"free",
    }
    result = unpack(zipped(members), tmp_path / "data")
    assert result.left_out == {".exe": 1, ".zip": 1, "hidden": 2, ".pkl": 1, "no suffix": 1}
    assert result.files == 3
    written = {p.name for p in result.folder.rglob("*") if p.is_file()}
    assert written == {"1.png", "1.PNG", "readme.txt"}
    assert not any(p.stat().st_mode & stat.S_IXUSR for p in result.folder.rglob("*.png"))


@pytest.mark.parametrize(
    ("names", "content"),
    [(["a/b/train/sad/1.png", "a/b/test/sad/1.png"], "a/b"), (["train/sad/1.png"], "."), (["sad/1.png"], ".")],
)
def test_what_to_import(names: list[str], content: str, tmp_path: Path) -> None:
    assert unpack(zipped(dict.fromkeys(names, PNG)), tmp_path / "d").content == tmp_path / "d" / content


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.png", "leads out"),
        ("a/../../evil.png", "leads out"),
        ("a\\..\\..\\evil.png", "leads out"),
        ("/etc/evil.png", "absolute"),
        ("\\\\server\\evil.png", "absolute"),
        ("C:\\evil.png", "names a drive"),
        ("a/con.png", "reserves for a device"),
        ("NUL", "reserves for a device"),
        ("lpt1.tar.png", "reserves for a device"),
        ("a/1.png:stream.png", "Windows does not allow"),
        ("a\x1b[31m.png", r"control.*|'a\?\[31m\.png'"),
        ("a\u202egnp.png", "control"),
        ("a./1.png", "dot or a space"),
        ("a /1.png", "dot or a space"),
        ("x" * 250 + ".png", "too long"),
        ("a/" * 40 + "1.png", "too long"),
        ("", "has no name"),
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_astray(name: str, reason: str, kind: str, tmp_path: Path) -> None:
    source = zipped({"good/1.png": PNG, name: PNG}) if kind == "zip" else tarred(*map(tarfile.TarInfo, ["a.png", name]))
    refused(source, tmp_path, reason)
    assert not (tmp_path / "evil.png").exists()


def test_a_name_that_ends_earlier_than_it_seems(tmp_path: Path) -> None:
    refused(zipped({"a.png_.exe": PNG}).replace(b"a.png_", b"a.png\0"), tmp_path, r"'a\.png\?\.exe' has control")


def test_a_long_name_is_shortened_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        unpack(zipped({"../" + "x" * 5000: PNG}), tmp_path / "d")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar(kind: bytes, tmp_path: Path) -> None:
    info = tarfile.TarInfo("a/link.png")
    info.type, info.linkname = kind, "/etc/passwd"
    what = "a link" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else "a device or another"
    refused(tarred(tarfile.TarInfo("good.png"), info), tmp_path, f"'a/link.png' is {what}.*not unpacked")


def test_links_in_a_zip(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        info = zipfile.ZipInfo("a/link.png")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(held.getvalue(), tmp_path, r"'a/link.png' is a link")


def test_encrypted_members(tmp_path: Path) -> None:
    source = bytearray(zipped({"a.png": PNG}))
    directory = source.find(b"PK\x01\x02")
    source[directory + 8] |= 1
    source[6] |= 1
    refused(bytes(source), tmp_path, r"'a.png' is encrypted; pack the data set without a password")


def test_names_that_differ_in_case_alone(tmp_path: Path) -> None:
    refused(zipped({"a/1.png": PNG, "A/1.PNG": PNG}), tmp_path, r"more than one member 'A/1.PNG'")
    refused(zipped({"a/\u00e9.png": PNG, "a/e\u0301.png": PNG}), tmp_path, "more than one member")
    refused(zipped({"a.png": PNG, "a.png/b.png": PNG}), tmp_path, "more than one member")
    refused(tarred(tarfile.TarInfo("a.png"), tarfile.TarInfo("a.png")), tmp_path, "more than one member")


def test_a_bomb_that_tells_what_it_is(tmp_path: Path) -> None:
    zeros = bytes(50_000_000)
    source = zipped({"a.png": zeros}, zipfile.ZIP_DEFLATED)
    refused(source, tmp_path, r"grows 1,0\d\d-fold at its member 'a.png'")
    refused(source, tmp_path, r"'a.png' has 50.0 MB, more than the 40.0 MB", max_file_bytes=40_000_000)
    refused(source, tmp_path, r"more than 30.0 MB", max_bytes=30_000_000)
    refused(tarred(tarfile.TarInfo("a.csv"), data=zeros), tmp_path, r"grows [\d,]+-fold")


@pytest.mark.parametrize("said", [1000, 2_000_000_000])
def test_a_bomb_that_lies_about_its_size(said: int, tmp_path: Path) -> None:
    source = bytearray(zipped({"a.csv": bytes(20_000_000)}, zipfile.ZIP_DEFLATED))
    directory = source.find(b"PK\x01\x02")
    source[22:26] = source[directory + 24 : directory + 28] = struct.pack("<I", said)
    refused(bytes(source), tmp_path, "damaged", max_ratio=1e9)


def test_a_directory_that_hides_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 members: the end record says one; they are counted before an object is made of each."""
    source = bytearray(zipped(dict.fromkeys(map(str, range(20_000)), b"")))
    end = source.rfind(b"PK\x05\x06")
    source[end + 8 : end + 12] = struct.pack("<2H", 1, 1)
    monkeypatch.setattr("fer_core.data.intake.members.zipfile.ZipFile", lambda _: pytest.fail("read in whole"))
    refused(bytes(source), tmp_path, "more than 1,000 members", max_files=1000)
    infos = (tarfile.TarInfo(f"{i}.png") for i in range(1001))
    refused(tarred(*infos, data=b""), tmp_path, "more than 1,000 members", max_files=1000)


def test_a_tar_header_that_fills_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 3_000_000_000
    refused(info.tobuf() + bytes(10_000), tmp_path, r"header of 3,000,000,000 bytes")


def test_damaged_archives(tmp_path: Path) -> None:
    whole = zipped({"a.png": PNG, "b.png": PNG})
    refused(whole[:-30], tmp_path, "damaged")
    at = whole.find(PNG) + 60
    refused(whole[:at] + b"?" + whole[at + 1 :], tmp_path, "damaged")
    packed = tarred(tarfile.TarInfo("a.png"), tarfile.TarInfo("b.png"))
    refused(packed[: len(packed) // 2], tmp_path, "damaged")
    refused(b"\x1f\x8b" + bytes(100), tmp_path, "damaged")


@pytest.mark.parametrize(
    ("start", "what"),
    [(b"", "empty"), (b"Rar!\x1a\x07\x00", "a RAR archive"), (b"7z\xbc\xaf'\x1c", "7z"), (PNG, "no archive")],
)
def test_what_is_no_archive(start: bytes, what: str, tmp_path: Path) -> None:
    refused(start, tmp_path, f"The file is .*{what}.*pack the data set as ZIP")


def test_an_archive_without_data(tmp_path: Path) -> None:
    refused(zipped({"a.zip": b"PK", "b.exe": b"MZ"}), tmp_path, "no pictures or tables, but 1 x .zip, 1 x .exe")
    refused(zipped({}), tmp_path, "nothing at all")


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    asked = iter([False, False, True])
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(DataError, match="stopped; nothing was kept"):
        unpack(zipped({f"{i}.png": PNG for i in range(1000)}), place / "data", stop=lambda: next(asked))
    assert list(place.iterdir()) == []


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**6))
    refused(zipped({"a.png": PNG}), tmp_path, r"1.0 MB left; free some space")
