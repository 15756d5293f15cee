"""Where things lie on this machine."""

import os
from pathlib import Path

DEFAULT_CHECKPOINT = "compact"
SHIPPED_CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


def workspace() -> Path:
    """The folder for everything that is made here: `FERSCOPE_HOME`, by default `./workspace`. It may not exist yet."""
    return Path(os.environ.get("FERSCOPE_HOME") or "workspace")


def data_set_names() -> list[str]:
    """Names of the data sets in the workspace, sorted; see `fer_core.data.store`."""
    return sorted(file.parent.name for file in (workspace() / "datasets").glob("[!.]*/head.json"))
