"""Browsing a data set of up to a million samples: filter, sort and first page, against pandas on the same table.

Goals at a million: under 150 ms, and under 600 MB of memory. Each size runs in a process of its own.

Run: python -m benchmarks.browse
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import Figure, interleaved_ms

SIZES = (10_000, 100_000, 1_000_000)
GOAL_MS = 150
GOAL_MB = 600
KEYS = ("ours_ms", "pandas_ms", "peak_mb")
PAGE = 60


def write_table(rows: int, file: Path) -> None:
    """A version's Parquet file with drawn cells."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from fer_core.data.store import VERSION
    from fer_core.labels import FER7

    chance = np.random.default_rng(0)
    names = np.array(FER7.names)
    columns = {
        "label": names[chance.integers(0, 7, rows)],
        "split": np.array(["train", "validation", "test"])[chance.choice(3, rows, p=[0.8, 0.1, 0.1])],
        "subject_id": [f"S{i:05}" for i in chance.integers(0, 20_000, rows)],
        "width": chance.integers(48, 512, rows, dtype=np.int32),
        "height": chance.integers(48, 512, rows, dtype=np.int32),
        "source": ["faces"] * rows,
        "brightness": chance.uniform(0, 255, rows).astype(np.float32),
        "contrast": chance.uniform(0, 100, rows).astype(np.float32),
        "sharpness": chance.gamma(2, 500, rows).astype(np.float32),
        "row": np.arange(rows),
        "vote_entropy": chance.uniform(0, 3, rows).astype(np.float32),
    }
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(rows, f.type) for f in VERSION]
    pq.write_table(pa.table(arrays, schema=VERSION), file, compression="zstd", row_group_size=100_000)


def peak_memory_mb() -> float:
    """Of this process alone, where Linux tells; else `ru_maxrss`, in which the process that started it counts too."""
    status = Path("/proc/self/status")
    told = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE) if status.is_file() else None
    return (int(told[1]) if told else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


def measure(file: Path) -> dict[str, float]:
    """Milliseconds of a filtered and sorted first page with its count, ours and with pandas; our peak memory in MB."""
    from fer_core.data.query import Catalogue, Filters

    catalogue = Catalogue(file)
    wanted = Filters(among={"label": ("disgust", "fear"), "split": ("train",)}, between={"brightness": (40, 200)})

    def ours() -> None:
        catalogue.count(wanted)
        catalogue.page(wanted, "sharpness", limit=PAGE)

    mine = interleaved_ms({"ours": ours}, rounds=9)["ours"]
    peak_mb = peak_memory_mb()

    import pandas as pd

    frame = pd.read_parquet(file)

    def with_pandas() -> None:
        kept = frame[
            frame["label"].isin(["disgust", "fear"])
            & (frame["split"] == "train")
            & frame["brightness"].between(40, 200)
        ]
        kept.sort_values("sharpness", kind="stable").head(PAGE).to_dict("records")

    theirs = interleaved_ms({"pandas": with_pandas}, rounds=5)["pandas"]
    return {"ours_ms": mine, "pandas_ms": theirs, "peak_mb": peak_mb}


def measure_apart(rows: int) -> tuple[dict[str, float], float]:
    """What `measure` gives in a process of its own, and the bytes that a row takes on disk."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "v0001.parquet"
        write_table(rows, file)
        command = [sys.executable, "-m", "benchmarks.browse", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(zip(KEYS, map(float, done.stdout.split()), strict=True)), file.stat().st_size / rows


def figures() -> list[Figure]:
    """A million samples."""
    found, _ = measure_apart(SIZES[-1])
    took = f"{found['ours_ms']:.0f} ms (pandas in memory: {found['pandas_ms']:.0f} ms)"
    memory = f"{found['peak_mb']:.0f} MB"
    return [
        Figure(
            "a million samples filtered, sorted, first page", took, f"under {GOAL_MS} ms", found["ours_ms"] < GOAL_MS
        ),
        Figure("peak memory of that process", memory, f"under {GOAL_MB} MB", found["peak_mb"] < GOAL_MB),
    ]


def main() -> None:
    """Prints a line for each size; with a file as argument only its figures."""
    if len(sys.argv) > 1:
        found = measure(Path(sys.argv[1]))
        print(*(f"{found[key]:.1f}" for key in KEYS))
        return
    for rows in SIZES:
        found, bytes_a_row = measure_apart(rows)
        print(
            f"{rows:>9,} samples, {bytes_a_row:.0f} bytes a row: filter, sort and first page {found['ours_ms']:.0f} ms "
            f"({1e6 * found['ours_ms'] / rows:.0f} ns a row), pandas in memory {found['pandas_ms']:.0f} ms, ratio "
            f"{found['pandas_ms'] / found['ours_ms']:.1f}; peak memory {found['peak_mb']:.0f} MB"
        )


if __name__ == "__main__":
    main()
