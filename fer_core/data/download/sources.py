"""The data sets of the field and where each is to be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["kaggle", "kaggle-competition", "https", "request"]


@dataclass(frozen=True)
class Source:
    """A public data set.

    Attributes:
        name: short and unique.
        title: what people call it.
        kind: how it is fetched; `request` is given out by its authors alone.
        where: Kaggle handle, or address of the file; empty where it must be asked for.
        page: where a person finds it in the browser.
        files: what to download there, as a clause.
        place: what to give to the import, as a clause.
        terms: in one line; the page has the authoritative ones.
        size_mb: about how much is downloaded.
        citation: the paper.
        file: the one file that is wanted of a competition; empty for all.
    """

    name: str
    title: str
    kind: Kind
    where: str
    page: str
    files: str
    place: str
    terms: str
    size_mb: int
    citation: str
    file: str = ""

    def by_hand(self) -> str:
        """What to do where it cannot be fetched, as a sentence."""
        return (
            f"Get {self.files} from {self.page} in a browser ({self.terms}), and give {self.place} as a path or an "
            "upload instead."
        )


_RESEARCH = "non-commercial research only"

_ALL = (
    Source(
        name="fer2013",
        title="FER2013, class folders",
        kind="kaggle",
        where="msambare/fer2013",
        page="https://www.kaggle.com/datasets/msambare/fer2013",
        files="the archive (train and test folders of 48x48 JPEG)",
        place="the ZIP or the folder that holds train and test",
        terms="for research; the pictures were found by web search and belong to others",
        size_mb=60,
        citation="Goodfellow et al. 2013, arXiv 1307.0414",
    ),
    Source(
        name="fer2013-csv",
        title="FER2013, the competition's CSV (needed for FER+ votes)",
        kind="kaggle-competition",
        where="challenges-in-representation-learning-facial-expression-recognition-challenge",
        page="https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge/data",
        files="icml_face_data.csv or fer2013.tar.gz",
        place="icml_face_data.csv, fer2013.csv or the archive",
        terms="for research; a Kaggle account that has accepted the competition's rules",
        size_mb=100,
        citation="Goodfellow et al. 2013, arXiv 1307.0414",
        file="icml_face_data.csv",
    ),
    Source(
        name="ferplus",
        title="FER+, ten annotators' votes on FER2013 (no pictures)",
        kind="https",
        where="https://raw.githubusercontent.com/microsoft/FERPlus/master/fer2013new.csv",
        page="https://github.com/microsoft/FERPlus",
        files="fer2013new.csv",
        place="fer2013new.csv as labels beside FER2013's CSV or Parquet file",
        terms="MIT licence",
        size_mb=2,
        citation="Barsoum et al. 2016, arXiv 1608.01041",
    ),
    Source(
        name="kdef",
        title="KDEF, 70 persons posing seven expressions",
        kind="kaggle",
        where="chenrich/kdef-database",
        page="https://www.kdef.se/ (the authors' own, with the persons in the file names) or "
        "https://www.kaggle.com/datasets/chenrich/kdef-database (class folders)",
        files="the archive (4,900 photographs)",
        place="the ZIP or the folder",
        terms=f"{_RESEARCH}, by the conditions on kdef.se",
        size_mb=400,
        citation="Lundqvist, Flykt and Öhman 1998, Karolinska Institutet",
    ),
    Source(
        name="raf-db",
        title="RAF-DB, basic expressions, 15,339 faces",
        kind="request",
        where="",
        page="http://www.whdeng.cn/RAF/model1.html",
        files="the basic part (Image/aligned.zip and EmoLabel/list_patition_label.txt)",
        place="the folder that holds Image and EmoLabel",
        terms=f"{_RESEARCH}, asked for by e-mail",
        size_mb=100,
        citation="Li, Deng and Du 2017, CVPR",
    ),
    Source(
        name="affectnet",
        title="AffectNet, about 440,000 annotated faces",
        kind="request",
        where="",
        page="http://mohammadmahoor.com/pages/databases/affectnet/",
        files="the annotated training and validation sets",
        place="the folder",
        terms=f"{_RESEARCH}; a professor or laboratory's head signs the agreement",
        size_mb=4000,
        citation="Mollahosseini, Hasani and Mahoor 2017, arXiv 1708.03985",
    ),
    Source(
        name="ck+",
        title="CK+, 593 sequences of 123 persons",
        kind="request",
        where="",
        page="https://www.jeffcohn.net/Resources/",
        files="cohn-kanade-images.zip and Emotion_labels.zip",
        place="the unpacked folder that holds both",
        terms=f"{_RESEARCH}; a faculty member or research scientist asks",
        size_mb=1700,
        citation="Lucey et al. 2010, CVPR Workshops",
    ),
    Source(
        name="jaffe",
        title="JAFFE, 213 pictures of ten Japanese women",
        kind="request",
        where="",
        page="https://zenodo.org/record/3451524",
        files="the pictures",
        place="the ZIP or the folder",
        terms=f"{_RESEARCH}, asked for on that page",
        size_mb=15,
        citation="Lyons, Akamatsu, Kamachi and Gyoba 1998, FG",
    ),
)

SOURCES = {source.name: source for source in _ALL}
