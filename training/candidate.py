"""One of several runs that are trained side by side: its checkpoint, its state, and what went wrong with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_core.errors import DataError
from training.homing import Home, get_state, put_state

if TYPE_CHECKING:
    from fer_core.card import Card
    from training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe with a seed.

    Attributes:
        source: the recipe's name, or the path of a YAML file.
        recipe: with all changes and the seed.
        data_hash: of the training samples.
        folder: of the checkpoint that comes out; its name is that of the run.
    """

    source: str
    recipe: Recipe
    data_hash: str
    folder: Path

    @property
    def name(self) -> str:
        """Of the run."""
        return self.folder.name

    @property
    def run(self) -> Path:
        """Folder of the run's state."""
        from fer_core.workspace import workspace

        return workspace() / "runs" / self.name

    @property
    def log(self) -> Path:
        """What the run says."""
        return self.folder.parent / f"{self.name}.log"

    @property
    def _note(self) -> Path:
        return self.folder.parent / f"{self.name}.failed.json"

    def card(self) -> Card | None:
        """The card of its checkpoint, once it has been measured.

        Raises:
            DataError: the folder holds a checkpoint of another recipe or of other data.
        """
        from fer_core.card import CARD, read_card
        from training.recipe import parse_recipe

        card = read_card(self.folder) if (self.folder / CARD).is_file() else None
        if card is None or "validation" not in card.metrics:
            return None
        there = card.trained
        what = "data" if there and there.data_hash != self.data_hash else ""
        if there is None or parse_recipe(there.recipe, where=str(self.folder)) != self.recipe:
            what = "recipe"
        if what:
            raise DataError(
                f"{self.folder} holds a checkpoint of another {what} than given now. Choose another --out, or delete "
                f"that folder and {self.run} to begin anew."
            )
        return card

    def failure(self) -> str:
        """What it said when it ended with a mistake, in this call or an earlier one; else empty."""
        found = json.loads(self._note.read_text(encoding="utf-8")) if self._note.is_file() else {}
        return str(found["why"]) if found and found["of"] == self._identity() else ""

    def note_failure(self, why: str) -> None:
        """Keeps it, for later calls."""
        note = {"of": self._identity(), "why": why}
        self._note.write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")

    def _identity(self) -> dict[str, Any]:
        return {"recipe": self.recipe.model_dump(mode="json"), "data_hash": self.data_hash}

    def fetch(self, home: Home) -> None:
        """Brings to this machine what it lacks: the checkpoint, the state, or the note that it has failed.

        Raises:
            DataError: as `Home.get`.
        """
        from fer_core.card import CARD

        there = home.names(self.name)
        if CARD in there:
            if not (self.folder / CARD).is_file():
                home.get(self.name, self.folder)
        elif self._note.name in there:
            if not self._note.is_file():
                home.get(self.name, self._note.parent)
        elif there and not (self.run / "last.ckpt").is_file():
            get_state(home, self.name, self.run)

    def take_home(self, home: Home) -> bool:
        """Keeps there what came of it, or its state; whether that fits. True if there is neither."""
        from fer_core.card import CARD, WEIGHTS

        if self.failure():
            return home.put(self.name, [self._note])
        if self.card():
            return home.put(self.name, [self.folder / CARD, self.folder / WEIGHTS])
        return not (self.run / "last.ckpt").is_file() or put_state(home, self.name, self.run)

    def forget_failure(self, home: Home | None) -> None:
        """So that it is tried once more."""
        self._note.unlink(missing_ok=True)
        if home and self._note.name in home.names(self.name):
            home.drop(self.name)
