"""Where things lie on this machine."""

import contextlib
import os
import shutil
import time
from pathlib import Path

DEFAULT_CHECKPOINT = "compact"
SHIPPED_CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


def workspace() -> Path:
    """The folder for everything that is made here: `FERSCOPE_HOME`, by default `./workspace`. It may not exist yet."""
    return Path(os.environ.get("FERSCOPE_HOME") or "workspace")


def clear_old(name: str, days: float) -> None:
    """Removes the folders in a folder of the workspace that nothing was written to for so many days."""
    before = time.time() - days * 86_400
    for folder in (workspace() / name).glob("*/"):
        with contextlib.suppress(FileNotFoundError):  # another process may be clearing, or writing, the same folder
            newest = max(file.stat().st_mtime for file in (folder, *folder.iterdir()))
            if newest < before:
                shutil.rmtree(folder, ignore_errors=True)


def data_set_names() -> list[str]:
    """Names of the data sets in the workspace, sorted; see `fer_core.data.store`."""
    return sorted(file.parent.name for file in (workspace() / "datasets").glob("[!.]*/head.json"))
