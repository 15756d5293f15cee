"""What is brought home from a machine that is lent for minutes, and taken there again: checkpoints and states of runs.

Little comes home from such a machine: so many files, none above 16 MiB, 64 MiB together. Larger ones are cut into parts
and joined again; a state is made smaller (`slim`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_core.errors import DataError
from training.tracking.files import HISTORY, PROGRESS

PART_BYTES = 16 << 20
CONTENTS = "contents.json"
_STATE = ("recipe.json", "data.json", HISTORY, PROGRESS)
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Home:
    """A folder that is carried from machine to machine, with a folder in it for each name.

    Attributes:
        folder: it need not exist yet.
        limit_bytes: of all files together.
        part_bytes: of a file.
    """

    folder: Path
    limit_bytes: int = 64 << 20
    part_bytes: int = PART_BYTES

    def put(self, name: str, files: Sequence[Path]) -> bool:
        """Keeps files under a name, in the place of what it had; whole or not at all.

        Returns:
            Whether they fit; if not, the name has nothing at home any more.
        """
        scratch, place = self.folder / f".{name}", self.folder / name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        contents = {file.name: _cut(file, scratch, self.part_bytes) for file in files}
        (scratch / CONTENTS).write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        fits = self.total_bytes() <= self.limit_bytes
        if fits:
            scratch.rename(place)
        else:
            shutil.rmtree(scratch)
        return fits

    def get(self, name: str, folder: Path) -> list[str]:
        """Puts the files of a name together in a folder, in the place of those that it has; their names.

        Raises:
            DataError: a part is missing or changed; nothing is written then.
        """
        place, contents = self.folder / name, self._contents(name)
        for file, facts in contents.items():
            if _hash([place / part for part in facts["parts"]]) != facts["sha256"]:
                raise DataError(
                    f"{place} is not what was kept there: {file} lacks a part, or one has changed. Copy it again, or "
                    "delete that folder, and it begins anew."
                )
        folder.mkdir(parents=True, exist_ok=True)
        for file, facts in contents.items():
            with (folder / file).open("wb") as out:
                for part in facts["parts"]:
                    with (place / part).open("rb") as stream:
                        shutil.copyfileobj(stream, out)
        return list(contents)

    def names(self, name: str) -> list[str]:
        """The files that a name has; none where there is nothing."""
        return list(self._contents(name))

    def drop(self, name: str) -> None:
        """Keeps nothing under a name any more."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def _contents(self, name: str) -> dict[str, dict[str, Any]]:
        file = self.folder / name / CONTENTS
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def total_bytes(self) -> int:
        """Of all files that there are."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


def put_state(home: Home, name: str, run: Path) -> bool:
    """Keeps the state of a run that is not done: `slim`, and packed; whether it fits."""
    small = run / ".slim"
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    try:
        slim(run, small)
        packed = [_packed(file) for file in sorted(small.iterdir())]
        return home.put(name, [*packed, *(run / file for file in _STATE if (run / file).is_file())])
    finally:
        shutil.rmtree(small)


def get_state(home: Home, name: str, run: Path) -> None:
    """Puts a state back into the folder of its run.

    Raises:
        DataError: as `Home.get`.
    """
    for file in home.get(name, run):
        if file.endswith(".gz"):
            with gzip.open(run / file) as packed, (run / file).with_suffix("").open("wb") as out:
                shutil.copyfileobj(packed, out)
            (run / file).unlink()


def slim(run: Path, into: Path) -> None:
    """Writes `last.ckpt` and `best.ckpt` of a run smaller.

    Of the best epoch its weights are kept, which is all that the end of a run asks for: in float16 where the recipe
    writes them so. Where `last.ckpt` is larger than a file may be, the optimiser's memory is rounded to bfloat16. It is
    float32 again once loaded, and the run goes on from there, if not bit for bit as it would have.
    """
    import torch

    from training.keeping import BEST, LAST  # Lightning

    # Written by this process's own children on this machine.
    last = torch.load(run / LAST, map_location="cpu", weights_only=False)
    if (run / LAST).stat().st_size > PART_BYTES:
        last["optimizer_states"] = [o | {"state": _rounded(o["state"])} for o in last["optimizer_states"]]
    torch.save(last, into / LAST)
    if (run / BEST).is_file():
        best = torch.load(run / BEST, map_location="cpu", weights_only=False)
        weights: dict[str, torch.Tensor] = best["state_dict"]
        if json.loads((run / "recipe.json").read_text(encoding="utf-8"))["weights"] == "float16":
            weights = {k: t.half() if t.ndim > 1 and t.is_floating_point() else t for k, t in weights.items()}
        torch.save({"state_dict": weights, "epoch": best["epoch"]}, into / BEST)


def _rounded(state: Any) -> Any:
    """Tensors of floating-point numbers, but single ones (counts of steps), in bfloat16."""
    import torch

    if isinstance(state, dict):
        return {key: _rounded(value) for key, value in state.items()}
    if isinstance(state, torch.Tensor) and state.ndim and state.is_floating_point():
        return state.bfloat16()
    return state


def _packed(file: Path) -> Path:
    out = file.with_name(f"{file.name}.gz")
    with file.open("rb") as stream, gzip.open(out, "wb", compresslevel=1) as packed:
        shutil.copyfileobj(stream, packed)
    return out


def _cut(file: Path, folder: Path, part_bytes: int) -> dict[str, Any]:
    """Copies a file, in parts where it is too large; their names and the hash of the whole."""
    size = file.stat().st_size
    count = max(1, -(-size // part_bytes))
    names = [file.name] if count == 1 else [f"{file.name}.part{number:02d}" for number in range(count)]
    with file.open("rb") as stream:
        for name in names:
            left = part_bytes
            with (folder / name).open("wb") as out:
                while left and (block := stream.read(min(left, _BLOCK))):
                    left -= out.write(block)
    return {"sha256": _hash([folder / name for name in names]), "bytes": size, "parts": names}


def _hash(parts: Sequence[Path]) -> str:
    """Of the parts one after the other; empty where one is missing."""
    whole = hashlib.sha256()
    for part in parts:
        if not part.is_file():
            return ""
        with part.open("rb") as stream:
            while block := stream.read(_BLOCK):
                whole.update(block)
    return whole.hexdigest()
