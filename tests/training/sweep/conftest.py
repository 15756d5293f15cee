"""Sweeps with objectives that take no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.recipe.loading import recipe_values
from training.sweep.study import Plan, Sweep, create_sweep

Make = Callable[..., Sweep]


@pytest.fixture
def make() -> Make:
    """A sweep of so many trials over `epochs`, 1 to 40, unless another space is given."""

    def made(trials: int, name: str = "s", space: dict[str, Any] | None = None, **section: Any) -> Sweep:
        space = space or {"epochs": {"low": 1, "high": 40}}
        plan = Plan(recipe=recipe_values("compact"), sweep={"space": space, **section}, data="drawn")
        sweep = create_sweep(name, plan)
        for _ in range(trials):
            sweep.add_trial()
        return sweep

    return made


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Moves to another workspace of a team that shares one storage."""
    monkeypatch.setenv("FERSCOPE_SWEEPS", f"sqlite:///{tmp_path / 'team.db'}")
    return lambda name: monkeypatch.setenv("FERSCOPE_HOME", str(tmp_path / name))
