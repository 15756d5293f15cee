"""A grid of faces that can be clicked; what any page draws where it shows many."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

_CSS = """
.faces { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(var(--face), 1fr)); margin: 0;
  padding: 2px; list-style: none; font-family: var(--st-font); color: var(--st-text-color); }
button { all: unset; box-sizing: border-box; width: 100%; cursor: pointer; border-radius: 4px; }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.picture { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 3px;
  background: var(--st-secondary-background-color); }
.sharp .picture { image-rendering: pixelated; }
.missing { display: grid; place-items: center; font-size: 12px; opacity: .7; }
.label { display: flex; gap: 6px; align-items: baseline; font-size: 12px; line-height: 1.5; margin-top: 3px; }
.label b { font-weight: 600; }
.dot { flex: none; width: 8px; height: 8px; border-radius: 50%; transform: translateY(-1px); }
.note { display: block; font-size: 12px; line-height: 1.4; opacity: .75; min-height: 1.4em; }
.chosen .picture { outline: 2px solid var(--st-primary-color); }
"""

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const list = document.createElement("ul");
  list.className = "faces" + (data.sharp ? " sharp" : "");
  list.style.setProperty("--face", data.side + "px");
  for (const face of data.faces) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", face.alt);
    if (face.src) {
      const picture = document.createElement("img");
      picture.className = "picture";
      picture.src = face.src;
      picture.alt = "";
      picture.loading = "lazy";
      button.append(picture);
    } else {
      const missing = document.createElement("span");
      missing.className = "picture missing";
      missing.textContent = "cannot be read";
      button.append(missing);
    }
    const label = document.createElement("span");
    label.className = "label";
    const dot = document.createElement("span");
    dot.className = "dot";
    dot.style.background = face.colour;
    const name = document.createElement("b");
    name.textContent = face.label;
    label.append(dot, name);
    const note = document.createElement("span");
    note.className = "note";
    note.textContent = face.note;
    button.append(label, note);
    button.onclick = () => setTriggerValue("clicked", face.key);
    const item = document.createElement("li");
    item.append(button);
    list.append(item);
  }
  parentElement.querySelector("ul")?.remove();
  parentElement.append(list);
}
"""


@dataclass(frozen=True)
class Tile:
    """One face of a gallery.

    Attributes:
        key: what comes back when it is clicked.
        src: address of the picture; None where it cannot be read.
        label: the class.
        colour: of the class.
        note: one short line below.
        alt: for a screen reader.
    """

    key: int
    src: str | None
    label: str
    colour: str
    note: str
    alt: str


@functools.cache
def _component() -> Any:
    return st.components.v2.component("ferscope_gallery", css=_CSS, js=_JS)


def gallery(tiles: Sequence[Tile], key: str, *, side: int = 112, sharp: bool = True) -> int | None:
    """Draws faces in a grid that fills the width.

    Args:
        tiles: what to draw.
        key: of the widget.
        side: least width of a tile, pixels of the screen.
        sharp: enlarge without smoothing.

    Returns:
        The key of the face that has just been clicked; None in every other run.
    """
    data = {"faces": [asdict(tile) for tile in tiles], "side": side, "sharp": sharp}
    clicked = _component()(key=key, data=data, on_clicked_change=lambda: None).clicked
    return None if clicked is None else int(clicked)
