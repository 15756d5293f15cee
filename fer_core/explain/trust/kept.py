"""Trust that was examined before, by the weights that it was examined on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fer_core.workspace import workspace


def keep(told: dict[str, Any], weights_sha256: str) -> Path:
    """Writes a report into the workspace, in place of the last one on these weights.

    Args:
        told: as of `TrustReport.as_json`, and `data` and `split`.
        weights_sha256: of the checkpoint.
    """
    file = _file(weights_sha256)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def kept(weights_sha256: str) -> dict[str, Any] | None:
    """The last report on these weights; None where there is none, or where it is damaged."""
    try:
        return dict(json.loads(_file(weights_sha256).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def verdict_on(weights_sha256: str, method: str, layer: str) -> dict[str, Any] | None:
    """The verdict on a method at a layer, as of `Verdict.as_json`; None where it was not examined."""
    told = kept(weights_sha256)
    if told is None or told["methods"].get(method, {}).get("layer") != layer:
        return None
    return next((verdict for verdict in told["verdicts"] if verdict["method"] == method), None)


def _file(weights_sha256: str) -> Path:
    return workspace() / "trust" / f"{weights_sha256[:32]}.json"
