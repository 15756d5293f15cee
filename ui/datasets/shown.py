"""What the views of the Datasets page share: the data set, its shown version, and what the checkpoint says of it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from fer_core.card import Card
from fer_core.data.answers import answers_file
from fer_core.data.query import Catalogue
from fer_core.data.store import DataSet, Version, open_data_set
from fer_core.labels import colour


@dataclass(frozen=True)
class Shown:
    """A version of a data set on the page.

    Attributes:
        data_set: the data set.
        version: the version that is shown.
        card: of the checkpoint in the sidebar; None where there is none.
        classes: names of the labels' classes, in order.
    """

    data_set: DataSet
    version: Version
    card: Card | None
    classes: tuple[str, ...]

    @property
    def answers(self) -> Path | None:
        """File of what the checkpoint says; None where it has not been asked yet."""
        if self.card is None:
            return None
        file = answers_file(self.data_set, self.card.weights_sha256, self.card.temperature)
        return file if file.exists() else None

    def catalogue(self) -> Catalogue:
        """The version, to be filtered and sorted."""
        table, answers = self.data_set.table_file(self.version.number), self.answers
        stamp = answers.stat().st_mtime_ns if answers else 0
        return _catalogue(table, table.stat().st_mtime_ns, answers, stamp)

    def colour(self, label: str | None) -> str:
        """The class's colour; grey for what has no label."""
        return "#8C8C8C" if label is None else colour(label, self.classes)


def open_shown(name: str, card: Card | None) -> Shown:
    """A data set of the workspace in the version that it shows.

    Raises:
        DataError: there is none of this name, or its files are damaged.
    """
    data_set = open_data_set(name)
    return Shown(data_set, data_set.head, card, data_set.classes.names)


@functools.lru_cache(maxsize=8)
def _catalogue(table: Path, _written: int, answers: Path | None, _answered: int) -> Catalogue:
    return Catalogue(table, answers)
