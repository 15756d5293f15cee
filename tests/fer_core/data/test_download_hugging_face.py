"""Parquet data sets by their id, through a stand-in of the hub."""

import io
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_core.data import read_samples
from fer_core.data.download import fetch_hugging_face
from fer_core.data.download.hugging_face import checked_id
from fer_core.data.pictures import pack_grey
from fer_core.errors import DataError, DownloadError


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_core.data.download.hugging_face.check_reachable", lambda *_: None)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose names lead nowhere, also where this test's machine has a network."""

    def nowhere(*_: object, **__: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", nowhere)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_network")
def test_hugging_face_without_a_network(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(DownloadError, match=r"huggingface.*cannot be reached.*datasets/owner/faces/tree/main"):
        fetch_hugging_face("owner/faces", tmp_path / "data")
    assert time.monotonic() - begun < 10
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("owner/faces", "owner/faces"),
        ("mnist", "mnist"),
        (" https://huggingface.co/datasets/own-er/fa.ce_s/ ", "own-er/fa.ce_s"),
    ],
)
def test_ids(given: str, name: str) -> None:
    assert checked_id(given) == name


@pytest.mark.parametrize(
    "given",
    ["", "a/b/c", "../etc", "a/..", "a b/c", "https://evil.org/a/b", "a/b--c", "-a/b", "a/b.git", "x" * 97, "a\n/b"],
)
def test_what_is_no_id(given: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no id of a Hugging Face data set"):
        fetch_hugging_face(given, tmp_path / "data")


def parquet(label: str) -> bytes:
    held = io.BytesIO()
    faces = [pack_grey(np.full((16, 16), shade, np.uint8)) for shade in (10, 20)]
    pq.write_table(pa.table({"image": faces, "label": [label, "sad"]}), held)
    return held.getvalue()


def hub(monkeypatch: pytest.MonkeyPatch, files: dict[str, dict[str, bytes]]) -> None:
    """A stand-in for Hugging Face's hub: content by revision and path."""
    import huggingface_hub
    from huggingface_hub.errors import RevisionNotFoundError

    def dataset_info(_: object, name: str, *, revision: str, **__: object) -> SimpleNamespace:
        if revision not in files:
            raise RevisionNotFoundError(f"no {revision} in {name}", response=SimpleNamespace(headers={}, request=None))  # type: ignore[arg-type]
        siblings = [SimpleNamespace(rfilename=p, size=len(d)) for p, d in files[revision].items()]
        return SimpleNamespace(sha=f"commit of {revision}", siblings=siblings)

    def hf_hub_download(name: str, path: str, *, revision: str, local_dir: Path, **__: object) -> str:  # noqa: ARG001
        target = local_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files[revision.removeprefix("commit of ")][path])
        return str(target)

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)


@pytest.mark.usefixtures("reachable")
def test_a_data_set_from_hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"data/train-0.parquet": parquet("happy"), "data/test-0.parquet": parquet("fear"), "README.md": b"#"}
    hub(monkeypatch, {"main": parts})
    told: list[tuple[int, int]] = []
    found = fetch_hugging_face("owner/faces", tmp_path / "data", lambda done, total: told.append((done, total)))
    assert sorted(p.name for p in found.iterdir()) == ["test-0.parquet", "train-0.parquet"]
    samples = read_samples(found).samples
    assert samples.split("test").table["label"].to_pylist() == ["fear", "sad"]
    size = len(parts["data/train-0.parquet"]) + len(parts["data/test-0.parquet"])
    assert told[-1] == (size, size)


@pytest.mark.usefixtures("reachable")
def test_what_hugging_face_converted_and_subsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converted = {"default/train/0000.parquet": parquet("happy"), "default/test/0000.parquet": parquet("fear")}
    hub(monkeypatch, {"main": {"faces.tar": b"x"}, "refs/convert/parquet": converted})
    found = fetch_hugging_face("owner/faces", tmp_path / "data")
    assert sorted(p.name for p in found.iterdir()) == ["test-0000.parquet", "train-0000.parquet"]
    hub(monkeypatch, {"main": converted | {"hard/train/0000.parquet": parquet("sad")}})
    with pytest.raises(DownloadError, match="the subsets default, hard; choose one"):
        fetch_hugging_face("owner/faces", tmp_path / "more")
    with pytest.raises(DownloadError, match="no subset 'soft' but the subsets default, hard"):
        fetch_hugging_face("owner/faces", tmp_path / "more", subset="soft")
    found = fetch_hugging_face("owner/faces", tmp_path / "more", subset="hard")
    assert [p.name for p in found.iterdir()] == ["train-0000.parquet"]


@pytest.mark.usefixtures("reachable")
def test_hugging_face_without_parquet_and_with_names_that_lead_astray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub(monkeypatch, {"main": {"faces.tar": b"x"}})
    with pytest.raises(DownloadError, match="has no Parquet files"):
        fetch_hugging_face("owner/faces", tmp_path / "data")
    hub(monkeypatch, {"main": {"../../evil.parquet": parquet("sad")}})
    with pytest.raises((DownloadError, DataError), match="leads out of its folder"):
        fetch_hugging_face("owner/faces", tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
