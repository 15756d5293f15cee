"""How processes meet, and how one of them tells the user what went wrong when several notice it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fer_core.errors import FERScopeError, TrainingError
from training.distributed.group import Group
from training.distributed.launching import end_with_launcher

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

TOLD = 2  # exit status of a command that has said what was wrong
_MEET_S = 300.0  # for all to start
_WAIT_S = 1800.0  # for one that reads data or writes more slowly; one that has died is noticed at once
_ASK_S = 5.0


class LostError(TrainingError):
    """Another process of the group is not there any more."""


@dataclass(frozen=True)
class Meeting:
    """Where the processes of a group have met.

    Attributes:
        group: this process's place.
        store: values that all of them see.
    """

    group: Group
    store: Store

    def is_first_to_tell(self, sentence: str) -> bool:
        """Notes what went wrong; whether no other process has done so before."""
        try:
            first = self.store.add("tellers", 1) == 1
            if first:
                self.store.set("told", sentence)
        except RuntimeError:  # the process that keeps the store has gone, and told why
            return False
        return first

    def told(self) -> str:
        """What another process has noted; empty where none has."""
        try:
            if self.store.add("tellers", 0):
                self.store.wait(["told"], timedelta(seconds=_ASK_S))
                return self.store.get("told").decode()
        except RuntimeError:  # as above
            return ""
        return ""


@contextlib.contextmanager
def joined(group: Group) -> Iterator[None]:
    """Meets the others of the group; within, what one process raises ends all, and one of them tells it.

    A process alone meets nobody, and what it raises is its own.

    Raises:
        FERScopeError: as raised within, by the process that was the first to tell it.
        SystemExit: another one has told it; or as raised within.
    """
    if group.world == 1:
        yield
        return
    end_with_launcher()
    # Read when torch is loaded: without phases that freeze layers it warns that looking for frozen ones takes time.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    meeting = _meet(group)
    try:
        with _peers(meeting):
            yield
    except FERScopeError as error:
        if meeting.is_first_to_tell(str(error)):
            raise
        raise SystemExit(TOLD) from error


@contextlib.contextmanager
def _peers(meeting: Meeting) -> Iterator[None]:
    """Turns what torch says of lost connections into why they were lost."""
    try:
        yield
    except RuntimeError as error:
        if not lost_peer(error):
            raise
        raise LostError(meeting.told() or _WITHOUT_A_WORD) from error


_WITHOUT_A_WORD = (
    "Another process of this run has ended without a word: it was killed, or its machine has gone. Start the run again "
    "under the same name; it goes on where it was kept last."
)


def lost_peer(error: RuntimeError) -> bool:
    """Whether an error is about another process that does not answer."""
    from torch import distributed

    text = str(error).lower()
    return isinstance(error, distributed.DistError) or "gloo" in text or "closed by peer" in text


def _meet(group: Group) -> Meeting:
    from torch import distributed
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    if group.starter == "slurm":
        from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

        place = SLURMEnvironment(auto_requeue=False)
        os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = place.main_address, str(place.main_port)
    wait = timedelta(seconds=_MEET_S)
    url = f"env://?rank={group.rank}&world_size={group.world}"
    try:
        store, rank, world = next(iter(rendezvous(url, timeout=wait)))
        store.set_timeout(wait)
        distributed.init_process_group(
            backend(),
            store=PrefixStore("group", store),
            rank=rank,
            world_size=world,
            timeout=timedelta(seconds=_WAIT_S),
        )
        group.any(False)  # nobody goes on, and perhaps ends, while another is still looking for it
    except RuntimeError as error:
        raise TrainingError(
            f"Process {group.rank + 1} of {group.world} has not met the others at {os.environ.get('MASTER_ADDR')}:"
            f"{os.environ.get('MASTER_PORT')} within {_MEET_S:.0f} seconds. See that all were started, and that the "
            "machines reach each other on that port."
        ) from error
    return Meeting(group, PrefixStore("ferscope", store))


def backend() -> str:
    """How processes exchange tensors: NCCL between graphics cards, gloo between processors."""
    import torch

    return "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
