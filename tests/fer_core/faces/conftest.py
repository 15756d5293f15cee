"""Detectors that start anew in every test."""

import pytest

from fer_core.faces import registry, yunet
from tests.fer_core.faces.samples import DETECTORS


@pytest.fixture(params=DETECTORS)
def detector(request):
    return request.param()


@pytest.fixture(autouse=True)
def unlearned(monkeypatch):
    """No detector is kept from test to test, and nothing of this machine's settings is seen."""
    monkeypatch.delenv(yunet.ENV, raising=False)
    kept = {name: registry._Entry(e.make, e.ready) for name, e in registry._registry.items()}
    monkeypatch.setattr(registry, "_registry", kept)
