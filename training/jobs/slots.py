"""What jobs run on: each graphics card takes one at a time; a machine without one takes one job."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Mapping

CPU = "cpu"
CLUSTER = "cluster"  # of jobs that train elsewhere; what they need of this machine is a process that follows


def devices() -> list[str]:
    """Values for `CUDA_VISIBLE_DEVICES`, one for each card that this process may use; `["cpu"]` where there is none."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        named = [name.strip() for name in allowed.split(",") if name.strip()]
        return [name for name in named if name != "-1"] or [CPU]
    found = ask_cards("index")
    return [row[0] for row in found] or [CPU]


def ask_cards(*fields: str) -> list[list[str]]:
    """What `nvidia-smi --query-gpu` says, one row for each card; empty without NVIDIA's driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(  # noqa: S603  (the program of the driver, with our own arguments)
            [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):  # a driver that does not answer is as none
        return []
    return [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines() if line.strip()]


def environment(device: str) -> Mapping[str, str]:
    """What shows a process this device and no other."""
    return {} if device in {CPU, CLUSTER} else {"CUDA_VISIBLE_DEVICES": device, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


class Slots:
    """The devices of one worker, and which of them are free. Threads may share it.

    Args:
        names: of the devices; the same one several times takes as many jobs at a time.
    """

    def __init__(self, names: list[str]) -> None:
        self._all = len(names)
        self._free = list(names)
        self._lock = threading.Lock()

    def take(self, wanted: str = "", elsewhere: bool = False) -> str | None:
        """A free device, the wanted one if it is free; None where none is. `elsewhere`: for a job on a cluster."""
        with self._lock:
            fit = [name for name in self._free if (name == CLUSTER) == elsewhere]
            if not fit:
                return None
            return self._free.pop(self._free.index(wanted if wanted in fit else fit[0]))

    @property
    def busy(self) -> bool:
        """Whether one is taken."""
        with self._lock:
            return len(self._free) < self._all

    def give_back(self, name: str) -> None:
        """It is free again."""
        with self._lock:
            self._free.append(name)
