"""Add: a data set from a path, an upload, the network, or the drawing board."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fer_core.data.cropping import FacesHow
from fer_core.data.importing import default_name
from fer_core.workspace import data_set_names
from ui.tasks import NEW_DATA_SET, show_tasks, start_task
from ui.uploads import plain, saved
from ui.wording import plural

UPLOAD_MB = 2000
_TYPES = ["zip", "tar", "gz", "tgz", "csv", "parquet"]
_DRAWN = "schematic"
_FACES: dict[FacesHow, str] = {
    "auto": "Cut out of whole photographs (KDEF, CK+, JAFFE)",
    "crop": "Cut out of every picture",
    "keep": "Leave pictures as they are",
}


def show_first_steps() -> None:
    """What the page shows while there is no data set."""
    show_tasks(NEW_DATA_SET)
    st.info(
        "No data set is here yet. Draw one to see what the page does, or add your own below.",
        icon=":material/photo_library:",
    )
    if st.button("Draw schematic faces", type="primary", icon=":material/draw:", key="draw first"):
        draw_faces(60, 0, flaws=True)
    show_ways()


def show_ways() -> None:
    """The view: every way to a data set."""
    from_path, upload, network, drawn, merged = st.tabs(["From a path", "Upload", "Download", "Draw", "Merge"])
    with from_path:
        _from_path()
    with upload:
        _upload()
    with network:
        _download()
    with drawn:
        _drawing()
    with merged:
        _merging()


def _from_path() -> None:
    with st.form("import", border=False):
        path = st.text_input("File, folder or archive on this machine", placeholder="/data/fer2013.csv")
        votes = st.text_input("FER+ votes (fer2013new.csv), where the data is FER2013", placeholder="optional")
        name = st.text_input("Name", placeholder="as the file is called", max_chars=100)
        classes = st.text_input(
            "What numbers stand for, in order", placeholder="only where the files do not tell: angry,disgust,..."
        )
        faces = _faces("faces of path")
        stop = st.checkbox("Stop at the first row or picture that cannot be read, instead of reporting it")
        if st.form_submit_button("Import", type="primary", icon=":material/download:"):
            if not path.strip():
                st.error("Give the path of a file or a folder first.", icon=":material/error:")
                return
            more = {"--labels": votes.strip(), "--classes": classes.strip(), "--faces": faces}
            _start(Path(path.strip()).expanduser(), name.strip(), more, stop=stop)
    from fer_core.data.readers import readers

    with st.expander("What can be read", icon=":material/help:"):
        st.markdown("\n".join(f"- {reader.describe}" for reader in readers()))


def _upload() -> None:
    given = st.file_uploader(
        "Archive (ZIP, TAR), CSV or Parquet", type=_TYPES, max_upload_size=UPLOAD_MB, key="upload",
        help="It is unpacked into the workspace of this machine, after a check of its size and its names.",
    )  # fmt: skip
    votes = st.file_uploader("FER+ votes (fer2013new.csv), where the data is FER2013", type=["csv"], key="votes")
    if given is None:
        return
    name = st.text_input("Name", default_name(Path(plain(given.name))), max_chars=100, key="name of upload")
    faces = _faces("faces of upload")
    if st.button("Import", type="primary", icon=":material/download:", key="import upload"):
        path = saved(given.name, given.getvalue())
        more = {"--labels": str(saved(votes.name, votes.getvalue())) if votes else "", "--faces": faces}
        _start(path, name.strip(), more)


def _faces(key: str) -> str:
    chosen = st.selectbox(
        "Faces", list(_FACES), format_func=lambda how: _FACES[how], key=key,
        help="As the camera's pictures are cut: by the same detector, square, without a margin. A picture in which no "
        "face is found is left out and counted; the first of the data set's versions holds it, whole.",
    )  # fmt: skip
    return str(chosen)


def _start(path: Path, name: str, more: dict[str, str], *, stop: bool = False) -> None:
    arguments = ["data", "import", str(path), "--on-error", "stop" if stop else "skip"]
    for option, value in (("--name", name), *more.items()):
        if value:
            arguments += [option, value]
    start_task(arguments, f"Import of {path.name}", NEW_DATA_SET)


def _download() -> None:
    from fer_core.data.download import SOURCES

    chosen = st.selectbox("Data set", list(SOURCES), format_func=lambda name: SOURCES[name].title, key="source")
    source = SOURCES[str(chosen)]
    st.markdown(f"{source.by_hand()}\n\n{source.citation}")
    if source.kind == "request":
        st.caption("Its authors give it out on request; it cannot be fetched for you.")
    elif st.button("Fetch", icon=":material/cloud_download:", help=f"About {source.size_mb:,} MB"):
        start_task(["data", "download", source.name], f"Download of {source.title}", NEW_DATA_SET)
    repo = st.text_input("Or a public Parquet data set of Hugging Face", placeholder="owner/name", max_chars=200)
    if repo.strip() and st.button("Fetch", icon=":material/cloud_download:", key="fetch hub"):
        start_task(["data", "download", repo.strip()], f"Download of {repo.strip()}", NEW_DATA_SET)


def _drawing() -> None:
    st.markdown("Drawn faces of persons that do not exist, seven expressions each. What is wrong with them is known.")
    left, middle, right = st.columns(3)
    people = left.number_input("Persons", 3, 2000, 60)
    seed = middle.number_input("Seed", 0, 2**31 - 1, 0)
    flaws = right.checkbox("Plant flaws", value=True, help="Duplicates, wrong labels, blurred and dark pictures, ...")
    st.caption(f"About {plural(int(people) * 14, 'picture')}.")
    if st.button("Draw", type="primary", icon=":material/draw:", key="draw"):
        draw_faces(int(people), int(seed), flaws=bool(flaws))


def draw_faces(people: int, seed: int, *, flaws: bool) -> None:
    """Starts drawing a data set of schematic faces."""
    name = _DRAWN if (people, seed, flaws) == (60, 0, True) else f"{_DRAWN}-{people}-{seed}{'-flawed' * flaws}"
    arguments = ["data", "schematic", "--name", name, "--subjects", str(people), "--seed", str(seed)]
    start_task(arguments + ["--flaws"] * flaws, "Drawing faces", NEW_DATA_SET)


def _merging() -> None:
    names = data_set_names()
    if len(names) < 2:
        st.markdown("Merging needs two data sets or more; add another one first.")
        return
    st.markdown("Classes are matched by name. Persons of two sets never become one; every picture keeps its split.")
    with st.form("merge", border=False):
        chosen = st.multiselect("Data sets", names, placeholder="two or more")
        name = st.text_input("Name of the merged set", max_chars=100)
        mapping = st.text_input(
            "Classes to map", placeholder="contempt=disgust, affectnet/contempt= (leaves it out)", max_chars=500
        )
        drop = st.checkbox("Leave out classes that not all sets have")
        if st.form_submit_button("Merge", type="primary", icon=":material/merge:"):
            if len(chosen) < 2 or not name.strip():
                st.error("Choose two data sets or more, and give a name.", icon=":material/error:")
                return
            rules = [rule.strip() for rule in mapping.split(",") if rule.strip()]
            arguments = ["data", "merge", *chosen, "--name", name.strip(), *(["--drop"] if drop else [])]
            arguments += [part for rule in rules for part in ("--map", rule)]
            start_task(arguments, f"Merge of {', '.join(chosen)}", NEW_DATA_SET)
