"""The pages' scripts through Streamlit's AppTest: what they draw, and what they do with what is given."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data
from streamlit.testing.v1 import AppTest

from fer_core.checkpoint import open_checkpoint
from fer_core.ensembles import save_ensemble
from fer_core.workspace import workspace
from tests.pages.reading import texts

ROOT = Path(__file__).resolve().parents[2]
SALIENCY = "pages/5_Saliency.py"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app on its first page, not run yet."""
    monkeypatch.chdir(ROOT)
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_start_page_names_the_checkpoint_its_figures_and_limits(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert [title.value for title in app.title] == ["FERScope"]
    assert [header.value for header in app.subheader] == ["Four things to do next", "Loaded: compact"]
    said = texts(app)
    assert "n = 3,589" in said
    assert "28,709 training faces" in said
    assert "not what a person feels" in said


def test_start_page_without_checkpoints_says_what_to_do(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.page.list_checkpoints", list)
    app.run()
    assert not app.exception
    assert "python -m training fit compact" in app.warning[0].value


def test_sample_is_happy_and_explained(app: AppTest) -> None:
    app.run()
    app.switch_page(SALIENCY).run()
    assert not app.exception
    said = texts(app)
    assert "512 x 512 pixels, 1 face" in said
    assert "Evidence for **happy**." in said
    assert "6 x 6 cells at features.stage4" in said


def test_every_method_and_class_can_be_picked(app: AppTest) -> None:
    app.run()
    app.switch_page(SALIENCY).run()
    app.multiselect(key="method").set_value(["gradcam", "layercam", "eigencam", "ablationcam"])
    app.selectbox(key="target").set_value("fear")
    app.selectbox(key="versus").set_value("surprise")
    app.run()
    assert not app.exception
    assert not app.error
    said = texts(app)
    assert "Evidence for **fear** rather than **surprise**." in said
    assert all(title in said for title in ("**Grad-CAM**", "**Layer-CAM**", "**Eigen-CAM**", "**Ablation-CAM**"))
    assert "This method does not look at the class." in said


def test_no_method_picked_says_so(app: AppTest) -> None:
    app.run()
    app.switch_page(SALIENCY).run()
    app.multiselect(key="method").set_value([]).run()
    assert not app.exception
    assert "Pick at least one method above." in texts(app)


def test_upload_source_without_a_file_says_what_to_do_next(app: AppTest) -> None:
    app.run()
    app.switch_page(SALIENCY).run()
    app.button_group(key="source").set_value("Upload").run()
    assert not app.exception
    assert "Add a photograph above" in texts(app)


def test_a_broken_picture_among_others_is_named_and_the_rest_is_shown(app: AppTest) -> None:
    face = png(Image.fromarray(data.astronaut()))
    app.run()
    app.switch_page(SALIENCY).run()
    app.button_group(key="source").set_value("Upload").run()
    files = [("cut.png", face[:2000]), ("page.jpg", b"<html></html>"), ("me.png", face)]
    app.file_uploader(key="photographs").set_value([(name, content, "image/png") for name, content in files]).run()
    assert not app.exception
    table = app.dataframe[0].value
    assert table["picture"].tolist() == ["cut.png", "page.jpg", "me.png"]
    assert table["faces"].tolist()[2] == 1
    assert "cut short" in table["expressions"][0]
    assert "a web page" in table["expressions"][1]
    assert ["cut.png" in app.warning[0].value, "page.jpg" in app.warning[1].value] == [True, True]
    assert table["expressions"][2] == "happy"
    assert "me.png: 512 x 512 pixels, 1 face" in texts(app)


def test_a_card_that_does_not_fit_its_weights_is_a_sentence(app: AppTest, home: Path) -> None:
    broken = home / "checkpoints" / "broken"
    shutil.copytree(ROOT / "checkpoints" / "compact", broken)
    card = json.loads((broken / "card.json").read_text())
    (broken / "card.json").write_text(json.dumps(card | {"arguments": {"widths": [8, 8], "depths": [1, 1]}}))
    app.run()
    app.selectbox(key="checkpoint").set_value("broken").run()
    app.switch_page(SALIENCY).run()
    app.selectbox(key="checkpoint").set_value("broken").run()
    assert not app.exception
    assert "do not fit their card" in app.error[0].value
    assert "card.json" in app.error[0].value


def test_warming_up_leaves_no_half_imported_pandas_to_plotly() -> None:
    """Plotly takes pandas from `sys.modules` as it is; loaded in another thread it may have no `Series` yet."""
    code = (
        "import sys\n"
        "from ui.page import warm_up\n"
        "assert 'pandas' not in sys.modules\n"
        "warm_up('compact')\n"
        "assert hasattr(sys.modules['pandas'], 'Series')\n"
        "print('whole')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "whole\n", done.stderr


def test_another_model_on_the_same_face(app: AppTest) -> None:
    app.run()
    app.switch_page(SALIENCY).run()
    assert "rank correlation" not in texts(app)
    app.selectbox(key="beside").set_value("compact-teacher").run()
    assert not app.exception
    assert not app.error
    said = texts(app)
    assert "**compact** says happy, **compact-teacher** happy." in said
    assert "**Grad-CAM**: rank correlation" in said
    table = next(frame.value for frame in app.dataframe if "class" in frame.value)
    assert table["compact"].sum() == pytest.approx(1)
    assert table["difference"].tolist() == pytest.approx((table["compact-teacher"] - table["compact"]).tolist())
    shares = next(frame.value for frame in app.dataframe if "method" in frame.value)
    assert shares["region"].tolist()[:2] == ["brows", "eyes"]
    app.toggle(key="one scale").set_value(True).run()
    assert not app.exception


def test_an_ensemble_beside_its_member_says_whose_layer_is_shown(app: AppTest) -> None:
    members = [open_checkpoint("compact"), open_checkpoint("compact-teacher")]
    save_ensemble(workspace() / "checkpoints" / "pair", members)
    app.switch_page(SALIENCY)
    app.query_params["checkpoint"], app.query_params["beside"] = "pair", "compact"
    app.run()
    assert not app.exception
    assert not app.error
    said = texts(app)
    assert "The layer lies in member 2 of an ensemble" in said
    assert "member 2, features.stage4.1.relu (6 x 6 cells)" in app.selectbox(key="layer").options
    # The gradients of a logarithm of probabilities are far smaller than those of a logit.
    assert not app.toggle(key="one scale").value
    app.multiselect(key="method").set_value(["occlusion"]).run()
    assert "The layer lies in member 2" not in texts(app)


def test_what_is_explained_against_another_class_is_a_difference_of_logits(app: AppTest) -> None:
    app.run()
    app.switch_page(SALIENCY).run()
    assert "; logit 4." in texts(app)
    app.selectbox(key="versus").set_value("sad").run()
    assert "; logit difference 4." in texts(app)
