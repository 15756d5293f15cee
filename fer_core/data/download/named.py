"""Fetches a data set of `SOURCES`."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from fer_core.data.download.sources import SOURCES, Source
from fer_core.data.download.watch import Progress, Stop, Watch, check_reachable, check_space, watched
from fer_core.data.staging import staged
from fer_core.errors import DownloadError

_KAGGLE = "https://www.kaggle.com"
_CHUNK_BYTES = 2**16
_SILENCE_SECONDS = 15.0
_MOST_BYTES = 2 * 10**9


def fetch(name: str, into: Path, progress: Progress | None = None, stop: Stop | None = None) -> Path:
    """Downloads a data set, whole or not at all.

    Kaggle's rights are those of the user's own account (`KAGGLE_API_TOKEN` or `~/.kaggle/kaggle.json`); public data
    sets need none, competitions do.

    Args:
        name: one of `SOURCES`.
        into: folder to be made; it may be there if it is empty.
        progress: called now and then with (done, about how many in all) bytes.
        stop: asked now and then; true ends the download.

    Returns:
        What to import: the folder, or the file where it is one.

    Raises:
        DownloadError: an unknown name, a data set that its authors give out themselves, no network, no rights, or a
            download that failed, stood still or was stopped. It says which file to get where instead.
    """
    source = SOURCES.get(name)
    if source is None:
        raise DownloadError(f"There is no data set {name!r} to download; there are {', '.join(SOURCES)}.")
    watch = Watch(source.by_hand(), source.size_mb * 10**6, progress, stop)
    if source.kind == "request":
        raise watch.refusal(f"{source.title} is given out by its authors alone.")
    with staged(into, DownloadError) as staging:
        check_space(staging, watch.total_bytes, watch)
        if source.kind == "https":
            watched(lambda: _file(source.where, staging / _name_of(source.where)), staging, watch)
        else:
            check_reachable(_KAGGLE, watch)
            watched(lambda: _kaggle(source, staging), staging, watch)
        if not any(staging.iterdir()):
            raise watch.refusal(f"Nothing arrived of {source.title}.")
    inside = list(into.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_file() else into


def _name_of(address: str) -> str:
    return Path(urlsplit(address).path).name


def _kaggle(source: Source, staging: Path) -> None:
    try:
        import kagglehub  # type: ignore[import-untyped]
    except ImportError as error:
        raise OSError("the package kagglehub is not installed: pip install kagglehub") from error

    if source.kind == "kaggle-competition":
        kagglehub.competition_download(source.where, path=source.file or None, output_dir=str(staging))
    else:
        kagglehub.dataset_download(source.where, output_dir=str(staging))
    shutil.rmtree(staging / ".complete", ignore_errors=True)  # its own marks, beside the data


def _file(address: str, target: Path) -> None:
    """One file over HTTP; a web page in its place, or half of it, is an error."""
    request = urllib.request.Request(address, headers={"User-Agent": "ferscope"})  # noqa: S310  (an address of SOURCES)
    try:
        answer = urllib.request.urlopen(request, timeout=_SILENCE_SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
    with answer, target.open("wb") as file:
        if answer.headers.get_content_type() == "text/html":
            raise OSError(f"{address} gives a web page instead of the file")
        size = 0
        while chunk := answer.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > _MOST_BYTES:
                raise OSError(f"{address} gives more than {_MOST_BYTES:,} bytes")
            file.write(chunk)
        expected = answer.headers.get("Content-Length")
    if not size or (expected is not None and int(expected) != size):
        raise OSError(f"only {size:,} of {expected or 'some'} bytes arrived")
