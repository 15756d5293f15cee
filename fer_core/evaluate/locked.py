"""The test split is locked: who opens it says why, and every look is logged and counted.

A split that was looked at while choosing is a validation split by another name. The log only ever grows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from fer_core.errors import DataError
from fer_core.workspace import workspace

LOG = "test-looks.jsonl"


@dataclass(frozen=True)
class Look:
    """One time that a test split was opened.

    Attributes:
        at: UTC time, ISO 8601.
        model_hash: sha256 of the weights whose predictions were looked at.
        data_hash: of the test samples.
        why: what was said.
    """

    at: str
    model_hash: str
    data_hash: str
    why: str


def open_test(model_hash: str, data_hash: str, why: str | None) -> Look:
    """Opens the test split for one pair of model and data, and logs it.

    Raises:
        DataError: no reason is given, or it has more than 300 characters.
    """
    why = " ".join((why or "").split())
    if not why or len(why) > 300:
        raise DataError(
            "The test split is locked, so that nothing is chosen by it. To open it, give a reason of 1 to 300 "
            "characters (`allow_test`, on the command line `--why`); the look is logged and counted."
        )
    look = Look(datetime.now(UTC).isoformat(timespec="seconds"), model_hash, data_hash, why)
    file = workspace() / "predictions" / LOG
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as log:  # one short write, so that two processes leave two lines
        log.write(json.dumps(asdict(look)) + "\n")
    return look


def looks(model_hash: str | None = None, data_hash: str | None = None) -> tuple[Look, ...]:
    """Every look so far, the first one first; of one model or on one data set where that is given.

    Raises:
        DataError: a line of the log is damaged.
    """
    file = workspace() / "predictions" / LOG
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        found = [Look(**json.loads(line)) for line in lines if line]
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError) as error:
        raise DataError(f"{file} is damaged ({error}); mend that line, the log tells how often we looked.") from error
    return tuple(
        look for look in found
        if model_hash in (None, look.model_hash) and data_hash in (None, look.data_hash)
    )  # fmt: skip
