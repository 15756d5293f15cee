"""Cards that somebody has changed by hand."""

import json
from pathlib import Path
from typing import Any

from fer_core.card import CARD


def change_card(folder: Path, **changes: Any) -> None:
    values = json.loads((folder / CARD).read_text()) | changes
    (folder / CARD).write_text(json.dumps(values))
