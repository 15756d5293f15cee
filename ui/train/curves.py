"""Curves."""

from __future__ import annotations


def show_curves() -> None:
    """The view."""
