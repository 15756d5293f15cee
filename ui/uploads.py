"""Uploads that a task works on: where they lie in the workspace, and under which name."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from fer_core.workspace import clear_old, workspace


def plain(name: str) -> str:
    """The name of an uploaded file without anything that could mean a place."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).lstrip(".")[-100:] or "upload"


def upload_folder() -> Path:
    """A new folder for uploads; it is kept for a week at most."""
    clear_old("uploads", days=7)
    folder = workspace().resolve() / "uploads" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def saved(name: str, data: bytes) -> Path:
    """Where an upload lies from now on."""
    path = upload_folder() / plain(name)
    path.write_bytes(data)
    return path
