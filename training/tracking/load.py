"""The machine's load while a run goes on."""

from __future__ import annotations

import psutil

from training.jobs.memory import memory_mb
from training.jobs.slots import CPU, ask_cards, devices

_LOOK_S = 0.1  # not since the last call, which psutil remembers by thread: a page has a new one each time


def measure(pid: int) -> dict[str, float]:
    """Load now, under the names that MLflow gives to it: percent, and megabytes of 10^6 bytes.

    The processor's use is that of the tenth of a second that the call takes. Cards are counted among those that this
    process may use.

    Args:
        pid: the run's process.
    """
    memory = psutil.virtual_memory()
    found = {
        "system/cpu_utilization_percentage": psutil.cpu_percent(_LOOK_S),
        "system/system_memory_usage_megabytes": memory.used / 1e6,
        "system/system_memory_usage_percentage": memory.percent,
    }
    own = memory_mb(pid)
    if own is not None:
        found["system/process_memory_usage_megabytes"] = own
    wanted = devices()
    rows = ask_cards("index", "uuid", "utilization.gpu", "memory.used") if wanted != [CPU] else []
    used = [row for row in rows if row[0] in wanted or any(row[1].startswith(name) for name in wanted)]
    for i, (_, _, busy, mebibytes) in enumerate(used):
        for name, text, factor in (
            ("utilization_percentage", busy, 1.0),
            ("memory_usage_megabytes", mebibytes, 1.048576),
        ):
            if text.replace(".", "", 1).isdigit():  # a card that does not tell says [N/A]
                found[f"system/gpu_{i}_{name}"] = float(text) * factor
    return found
