"""What takes minutes to find out about a model, kept beside its prediction table: robustness, learning curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fer_core.data.store import write_json
from fer_core.errors import DataError
from fer_core.evaluate.predictions import About


def result_file(about: About, kind: str) -> Path:
    """Where a result lies, or will: `MODEL16-DATA16-SPLIT.KIND.json`.

    Args:
        about: whose predictions.
        kind: what was found out, such as `robustness`.

    Raises:
        CheckpointError: as `About.file`.
    """
    return about.file.with_suffix(f".{kind}.json")


def keep_result(about: About, kind: str, value: Any) -> Path:
    """Keeps a result, in the place of an earlier one."""
    file = result_file(about, kind)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, value)
    return file


def load_result(about: About, kind: str) -> Any:
    """A kept result; None where there is none.

    Raises:
        DataError: its file is damaged.
    """
    file = result_file(about, kind)
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{file} is damaged ({error}); delete it and measure again.") from error
