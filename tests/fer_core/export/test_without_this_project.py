"""The example of `docs/models.md`, which runs an exported file without this project."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from fer_core.checkpoint import open_checkpoint
from fer_core.data.schematic import SchematicSpec, draw_face
from fer_core.predict import Predictor

ROOT = Path(__file__).resolve().parents[3]
TELL = """
import json, sys
names = session.get_modelmeta().custom_metadata_map["classes"]
print(json.dumps([probabilities[0].tolist(), names, "fer_core" in sys.modules]))
"""


def test_the_example_says_what_the_project_says(tmp_path: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "models.md").read_text(), re.DOTALL)
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    crop = draw_face(SchematicSpec(size_px=90), 3).image
    cv2.imwrite(str(tmp_path / "face.png"), crop[..., ::-1])
    done = subprocess.run(
        [sys.executable, "-c", example + TELL], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    probabilities, names, with_project = json.loads(done.stdout)
    checkpoint = open_checkpoint("compact")
    assert not with_project
    assert names.split(",") == list(checkpoint.card.classes)
    grey = cv2.imread(str(tmp_path / "face.png"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_allclose(probabilities, Predictor(checkpoint, "int8").probabilities([grey])[0], atol=1e-5)
