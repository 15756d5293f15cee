"""Published weights, of torchvision's and timm's networks and others: are they kept here, or can they be fetched?"""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from fer_core.errors import ModelError, UnavailableError

_ANSWERS_WITHIN_S = 5


@dataclass(frozen=True)
class Remote:
    """A published file that is fetched once and kept where torchvision keeps its weights.

    Attributes:
        url: where it is; it is kept under its last part.
        sha256: of its content; 64 letters.
        version: as its publisher counts.
    """

    url: str
    sha256: str
    version: str


def check_weights(name: str) -> None:
    """Finds out whether the ImageNet weights of a network are at hand, without reading or fetching them.

    Args:
        name: `torchvision/NAME` or `timm/NAME`, which exists.

    Raises:
        ModelError: nobody has published such weights.
        UnavailableError: they are not kept on this machine, and whoever keeps them does not answer.
    """
    family, _, network = name.partition("/")
    source = _of_torchvision(network) if family == "torchvision" else _of_timm(network)
    if source is not None and not _answers(source):
        raise no_weights(network, urllib.error.URLError("no answer"))


def _of_torchvision(network: str) -> str | None:
    """Where the weights are to be fetched; None where they are kept here."""
    from torchvision import models  # half a second that only this family pays

    return _unless_kept(models.get_model_weights(network).DEFAULT.url)


def _of_timm(network: str) -> str | None:
    import timm  # two seconds that only this family pays
    from huggingface_hub import constants, try_to_load_from_cache

    config = timm.get_pretrained_cfg(network)
    if config is None or not config.has_weights:
        raise ModelError(f"Nobody has published weights of timm/{network}; timm lists those that have some.")
    if not config.hf_hub_id:
        return _unless_kept(config.url)
    files = (config.hf_hub_filename or "model.safetensors", "pytorch_model.bin")
    kept = any(isinstance(try_to_load_from_cache(config.hf_hub_id, file), str) for file in files)
    return None if kept else str(constants.ENDPOINT)


def _unless_kept(url: str) -> str | None:
    return None if _kept(url).is_file() else url


def _kept(url: str) -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def check_remote(name: str, remote: Remote) -> None:
    """As `check_weights`, for a published file.

    Raises:
        UnavailableError: it is not kept on this machine, and whoever keeps it does not answer.
    """
    if _unless_kept(remote.url) and not _answers(remote.url):
        raise no_weights(name, urllib.error.URLError("no answer"))


def fetched(name: str, remote: Remote) -> Path:
    """Where a published file is kept, once it is fetched.

    Args:
        name: whose weights, for messages.
        remote: the file.

    Raises:
        UnavailableError: it is not kept on this machine and cannot be fetched, or is not what was published.
    """
    import torch

    file = _kept(remote.url)
    if not file.is_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(remote.url, str(file), hash_prefix=remote.sha256)
        except OSError as error:
            raise no_weights(name, error) from error
        except RuntimeError as error:  # the hash
            raise UnavailableError(f"What {remote.url} gives is not what was published as {name} ({error}).") from error
    return file


@contextlib.contextmanager
def hub_at_once() -> Iterator[None]:
    """Where the hub does not answer, its client looks in the cache only; else it would ask again for 47 seconds."""
    from huggingface_hub import constants  # timm has loaded it

    before = constants.HF_HUB_OFFLINE  # asked at each request
    constants.HF_HUB_OFFLINE = before or not _answers(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310  (the address of whoever publishes the weights)
    try:
        urllib.request.urlopen(request, timeout=_ANSWERS_WITHIN_S).close()  # noqa: S310
    except urllib.error.HTTPError:  # an answer too
        return True
    except OSError:
        return False
    return True


def no_weights(name: str, error: OSError) -> UnavailableError:
    """What to say where the published weights of a network cannot be had."""
    return UnavailableError(
        f"The published weights of {name} are not on this machine and could not be fetched "
        f"({type(error).__name__}). Connect to the network once; it keeps them."
    )
