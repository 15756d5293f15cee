"""Addresses of clusters, and jobs that name one."""

import pytest

from fer_core.data import SampleTable
from fer_core.data.store import keep
from fer_core.errors import JobError, RecipeError, UnavailableError
from training.jobs import table
from training.jobs.job import FitRequest
from training.jobs.queue import Wishes, clone, submit_fit
from training.jobs.slots import CLUSTER, CPU, Slots
from training.recipe import load_recipe
from training.remote.place import Cluster, cluster_at


@pytest.fixture(autouse=True)
def as_if_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.remote.place.is_installed", lambda: True)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://head:8265", "http://head:8265"),
        (" https://ray.lab.org/ ", "https://ray.lab.org"),
        ("http://10.0.0.7", "http://10.0.0.7:8265"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_addresses(given: str, address: str) -> None:
    assert cluster_at(given).address == address


@pytest.mark.parametrize(
    "given",
    ["", "head:8265", "ray://head:10001", "file:///etc/passwd", "http://", "http://h/x", "http://h?x=1", "http://h:port",
     "http://h:99999", "http://h\n:1", "auto"],
)  # fmt: skip
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(JobError, match="is not the address of a Ray cluster's dashboard"):
        cluster_at(given)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(JobError) as told:
        cluster_at("http://me:secret@head:8265")
    assert "secret" not in str(told.value)


def test_without_ray_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.remote.place.is_installed", lambda: False)
    with pytest.raises(UnavailableError, match=r"pip install -r requirements-ray\.txt"):
        cluster_at("http://head:8265")


def test_jobs_of_a_cluster_do_not_wait_for_a_device(few: SampleTable) -> None:
    """One job here and one there: each goes to a slot of its kind, whatever its priority."""
    keep("few", few, "drawn")
    recipe, there = load_recipe("compact"), Cluster(address="http://head:8265", workers=2, gpus=True)
    here = submit_fit(recipe, FitRequest(data="few"), Wishes("here"))
    away = submit_fit(recipe, FitRequest(data="few", tags=("a",)), Wishes("away", priority=9, cluster=there))
    assert "--cluster" not in here.spec.arguments
    assert away.spec.arguments[-2:] == ("--cluster", there.model_dump_json())
    assert clone(away.id).spec.cluster == there
    claimed = table.claim("w", CPU)
    assert claimed is not None
    assert claimed.id == here.id
    assert table.claim("w", CPU) is None
    claimed = table.claim("w", CLUSTER)
    assert claimed is not None
    assert claimed.id == away.id
    slots = Slots([CPU, CLUSTER])
    assert slots.take(elsewhere=True) == CLUSTER
    assert slots.take(elsewhere=True) is None
    assert slots.take() == CPU
    assert slots.take() is None


def test_more_workers_than_a_batch_can_be_shared_among(few: SampleTable) -> None:
    keep("few", few, "drawn")
    there = Cluster(address="http://head:8265", workers=5)
    with pytest.raises(RecipeError, match="does not divide by 5"):
        submit_fit(load_recipe("compact", ["batch_size=16"]), FitRequest(data="few"), Wishes(cluster=there))


def test_processes_of_a_job(few: SampleTable, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("few", few, "drawn")
    recipe, fit = load_recipe("compact", ["batch_size=16"]), FitRequest(data="few", processes=2)
    monkeypatch.setattr("training.jobs.queue.devices", lambda: [CPU])
    assert submit_fit(recipe, fit).spec.arguments[-2:] == ("--processes", "2")
    monkeypatch.setattr("training.jobs.queue.devices", lambda: ["0", "1"])
    with pytest.raises(JobError, match="A job takes one graphics card"):
        submit_fit(recipe, fit)
