"""What a run is recorded with beside its curves: flattened recipe, code, data, packages."""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]


def flattened(values: Any, within: str = "") -> dict[str, str]:
    """Nested values as text by dotted key; the members of a list of parts are numbered from 0.

    >>> flattened({"model": {"architecture": "compact"}, "phases": [{"epochs": 2}], "classes": ["a", "b"]})
    {'model.architecture': 'compact', 'phases.0.epochs': '2', 'classes': '["a", "b"]'}
    """
    if isinstance(values, dict) and values:
        parts = values.items()
    elif isinstance(values, list) and any(isinstance(value, dict) for value in values):
        parts = {str(i): value for i, value in enumerate(values)}.items()
    else:
        return {within: values if isinstance(values, str) else json.dumps(values)}
    found: dict[str, str] = {}
    for key, value in parts:
        found |= flattened(value, f"{within}.{key}" if within else str(key))
    return found


def git_state() -> dict[str, str]:
    """Commit of this code, its branch, and whether files differ from it; empty outside a git checkout."""
    commit, branch = _git("rev-parse", "HEAD"), _git("rev-parse", "--abbrev-ref", "HEAD")
    if not commit:
        return {}
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "mlflow.source.git.commit": commit,
        "mlflow.source.git.branch": branch,
        "git.changed_files": "\n".join(line[3:] for line in changed.splitlines())[:4000],
    }


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  (arguments of ours)
            ["git", *arguments],  # noqa: S607
            cwd=_ROOT, capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.rstrip() if done.returncode == 0 else ""


def machine() -> dict[str, str]:
    """Python, system, name, user, and the version of torch, under the names of their tags."""
    return {
        "machine.python": platform.python_version(),
        "machine.system": platform.platform(),
        "machine.name": platform.node(),
        "mlflow.user": _user(),
        "machine.torch": importlib.metadata.version("torch"),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"


def packages() -> str:
    """All installed packages as a requirements file, by name."""
    found = {dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions()}
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))
