"""Where a run trains: on this machine, in a process or several, or on a Ray cluster that the user names."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from training.remote.place import Cluster, cluster_at
from ui.train.asked import Asked

_HERE, _RAY = "This machine", "Ray cluster"


@dataclass(frozen=True)
class Where:
    """What was entered; an empty address is this machine."""

    address: str | None = None
    workers: int = 1
    gpus: bool = False
    processes: int = 1

    def cluster(self) -> Cluster | None:
        """The cluster; None for this machine.

        Raises:
            JobError: no address of a cluster.
            UnavailableError: Ray is not installed.
        """
        return None if self.address is None else cluster_at(self.address, self.workers, self.gpus)


def ask_where(asked: Asked) -> Where:
    """Draws the choice, and what a cluster needs to be told, filled with what was asked."""
    key, was = asked.keys, asked.wishes.cluster
    with st.expander("**Where**: this machine or a Ray cluster", key=f"{key}open where"):
        place = st.segmented_control(
            "Where it trains", (_HERE, _RAY), default=_RAY if was else _HERE, required=True, key=f"{key}run where"
        )
        if place != _RAY:
            processes = st.number_input(
                "Processes", 1, None, asked.fit.processes, key=f"{key}run processes", width=220,
                help="They share each batch, whose size divides by their number. Where there are graphics cards, a job "
                "takes one, and one process.",
            )  # fmt: skip
            return Where(processes=int(processes))
        left, middle, right = st.columns(3, vertical_alignment="bottom")
        address = left.text_input(
            "Address", was.address if was else "", placeholder="http://HOST:8265", max_chars=300,
            key=f"{key}run cluster",
            help="Of the cluster's dashboard. Its machines have FERScope's requirements installed, and see this "
            "workspace under the same path.",
        )  # fmt: skip
        workers = middle.number_input(
            "Workers", 1, None, was.workers if was else 1, key=f"{key}run workers",
            help="They share each batch, whose size divides by their number. The figures are those of one worker, but "
            "where a network normalises batches on processors.",
        )  # fmt: skip
        gpus = right.toggle("A graphics card for each", was.gpus if was else False, key=f"{key}run gpus")
    return Where(address, int(workers), gpus)
