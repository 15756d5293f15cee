"""A vision transformer on the Saliency page: maps of its tokens, and attention roll-out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.workspace import workspace

ROOT = Path(__file__).resolve().parents[2]


def test_maps_of_a_transformer(make_checkpoint: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"img_size": 48, "patch_size": 8, "depth": 2, "embed_dim": 16, "num_heads": 2}
    folder = workspace() / "checkpoints" / "transformer"
    make_checkpoint(folder, architecture="timm/vit_tiny_patch16_224", arguments=small)
    monkeypatch.chdir(ROOT)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page("pages/5_Saliency.py")
    app.query_params["checkpoint"] = "transformer"
    app.run()
    app.multiselect(key="method").set_value(["gradcam", "rollout"]).run()
    assert not app.exception
    assert not app.error
    said = "\n".join(caption.value for caption in app.caption)
    assert "6 x 6 cells at blocks.1.norm1" in said
    assert "6 x 6 cells at attention" in said
    assert "This method does not look at the class." in said
    assert "A cell of the 6 x 6 map covers 8 x 8 pixels, and eyes" in said
    app.selectbox(key="checkpoint").set_value("compact").run()
    assert not app.exception
    assert "Attention roll-out" not in app.multiselect(key="method").options
    assert "rollout" not in app.multiselect(key="method").value
