"""Public Parquet data sets of Hugging Face, by their id."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fer_core.data.download.watch import Progress, Stop, Watch, check_reachable, check_space, watched
from fer_core.data.intake.names import safe_path
from fer_core.data.schema import canonical_split
from fer_core.data.staging import staged
from fer_core.errors import DownloadError

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

_ID = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*")
_PAGE = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/datasets/")
_CONVERTED = "refs/convert/parquet"  # where Hugging Face puts data sets of other formats as Parquet
_SILENCE_SECONDS = 10.0
_MOST_BYTES = 20 * 10**9


def fetch_hugging_face(
    repo_id: str,
    into: Path,
    progress: Progress | None = None,
    stop: Stop | None = None,
    subset: str | None = None,
) -> Path:
    """Downloads the Parquet files of a data set into one folder, whole or not at all.

    Args:
        repo_id: `owner/name` as on the data set's page, or the page's address.
        into: folder to be made; it may be there if it is empty.
        progress: called now and then with (done, all) bytes.
        stop: asked now and then; true ends the download.
        subset: which one, where a data set has several (folders of Parquet files).

    Returns:
        The folder; the names of the files in it begin with their split where the data set tells it.

    Raises:
        DownloadError: no such id, no network, a data set that is not there, closed or without Parquet, an unknown
            subset or several to choose from, or a download that failed, stood still or was stopped.
    """
    name = checked_id(repo_id)
    page = f"https://huggingface.co/datasets/{name}"
    by_hand = f"Get its Parquet files from {page}/tree/main in a browser, and give their folder as a path or an upload."
    watch = Watch(by_hand, 1, stop=stop)
    with staged(into, DownloadError) as staging:
        from huggingface_hub import constants

        check_reachable(constants.ENDPOINT, watch)
        files: list[tuple[str, str, int]] = []
        watched(lambda: files.extend(_listed(name)), staging, watch)
        chosen = _chosen(files, name, subset, watch)
        total = sum(size for _, _, size in chosen)
        if total > _MOST_BYTES:
            raise watch.refusal(f"{name} has {total / 1e9:.1f} GB of Parquet files, more than are downloaded at once.")
        check_space(staging, total, watch)
        watched(lambda: _download(name, chosen, staging), staging, Watch(by_hand, max(total, 1), progress, stop))
    return into


def checked_id(repo_id: str) -> str:
    """The id of a data set, also from its page's address.

    Raises:
        DownloadError: what is given cannot be an id.
    """
    name = _PAGE.sub("", repo_id.strip()).rstrip("/")
    if not _ID.fullmatch(name) or len(name) > 96 or "--" in name or ".." in name or name.endswith(".git"):
        raise DownloadError(f"{repo_id[:100]!r} is no id of a Hugging Face data set; one looks like owner/name.")
    return name


def _listed(name: str) -> list[tuple[str, str, int]]:
    """(revision, path, bytes) of the data set's Parquet files, or else of those that Hugging Face made of it."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionNotFoundError

    for revision in ("main", _CONVERTED):
        try:
            info = HfApi().dataset_info(name, revision=revision, timeout=_SILENCE_SECONDS, files_metadata=True)
        except RevisionNotFoundError:
            continue
        # The commit instead of the branch: what is listed is what is downloaded, whatever happens in between.
        found = [(info.sha or revision, s.rfilename, _size(s)) for s in info.siblings or []]
        parts = [f for f in found if f[1].lower().endswith(".parquet")]
        if parts:
            return parts
    return []


def _size(sibling: RepoSibling) -> int:
    return int(sibling.size or 0)


def _chosen(
    files: list[tuple[str, str, int]], name: str, subset: str | None, watch: Watch
) -> list[tuple[str, str, int]]:
    """The files of the one subset that is wanted."""
    if not files:
        raise watch.refusal(f"{name} has no Parquet files.")
    subsets = sorted({_subset(path) for _, path, _ in files})
    if subset is None and len(subsets) == 1:
        return files
    if subset not in subsets:
        asked = "" if subset is None else f"no subset {subset!r} but "
        raise DownloadError(f"{name} has {asked}the subsets {', '.join(subsets)}; choose one of them.")
    return [f for f in files if _subset(f[1]) == subset]


def _subset(path: str) -> str:
    """The folder of a file, without one that is named after a split."""
    folders = PurePosixPath(path).parent.parts
    return "/".join(f for f in folders if not canonical_split(f)) or "."


def _flat_name(path: str) -> str:
    """A name that begins with the split: `train/0000.parquet` becomes `train-0000.parquet`."""
    splits = [f for f in PurePosixPath(path).parent.parts if canonical_split(f)]
    return "-".join([*splits, PurePosixPath(path).name])


def _download(name: str, files: list[tuple[str, str, int]], staging: Path) -> None:
    from huggingface_hub import hf_hub_download

    loose = staging / ".loose"
    for revision, path, _ in files:
        safe_path(path)
        found = hf_hub_download(
            name, path, repo_type="dataset", revision=revision, local_dir=loose, etag_timeout=_SILENCE_SECONDS
        )
        target = staging / _flat_name(path)
        if target.exists():
            raise OSError(f"two of its files would be called {target.name}")
        Path(found).rename(target)
    shutil.rmtree(loose)
