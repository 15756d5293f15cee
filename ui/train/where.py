"""Where a run trains: on this machine, or on a Ray cluster that the user names."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from training.remote.place import Cluster, cluster_at

_HERE, _RAY = "This machine", "Ray cluster"


@dataclass(frozen=True)
class Where:
    """What was entered; an empty address is this machine."""

    address: str | None = None
    workers: int = 1
    gpus: bool = False

    def cluster(self) -> Cluster | None:
        """The cluster; None for this machine.

        Raises:
            JobError: no address of a cluster.
            UnavailableError: Ray is not installed.
        """
        return None if self.address is None else cluster_at(self.address, self.workers, self.gpus)


def ask_where() -> Where:
    """Draws the choice, and what a cluster needs to be told."""
    with st.expander("**Where**: this machine or a Ray cluster", key="open where"):
        place = st.segmented_control("Where it trains", (_HERE, _RAY), default=_HERE, required=True, key="run where")
        if place != _RAY:
            return Where()
        left, middle, right = st.columns(3, vertical_alignment="bottom")
        address = left.text_input(
            "Address", placeholder="http://HOST:8265", max_chars=300, key="run cluster",
            help="Of the cluster's dashboard. Its machines have FERScope's requirements installed, and see this "
            "workspace under the same path.",
        )  # fmt: skip
        workers = middle.number_input(
            "Workers", 1, 1024, 1, key="run workers",
            help="They share each batch, whose size divides by their number. The figures are those of one worker, but "
            "where a network normalises batches on processors.",
        )  # fmt: skip
        gpus = right.toggle("A graphics card for each", key="run gpus")
    return Where(address, int(workers), gpus)
