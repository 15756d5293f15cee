"""What the command lines share: errors as sentences, figures as JSON, progress on standard error."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fer_core.errors import FERScopeError
from fer_core.tasks import Reporter

_SHOW_EVERY_S = 0.1

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


class _Sentences(TyperGroup):
    """Commands whose `FERScopeError` becomes one sentence on standard error and exit status 2."""

    def invoke(self, ctx: Any) -> Any:  # typer's context is a class of its own copy of click
        try:
            return super().invoke(ctx)
        except FERScopeError as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(2) from error


def app_with_errors(about: str) -> typer.Typer:
    """An empty command line that tells the user's mistakes in sentences."""
    return typer.Typer(
        cls=_Sentences,
        help=about,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def emit(value: Any, as_json: bool, text: str) -> None:
    """Prints a result: `value` as JSON where asked for, otherwise `text`."""
    typer.echo(json.dumps(value, indent=2) if as_json else text)


def percent(value: float | None, interval: tuple[float | None, float | None] | None = None) -> str:
    """A rate with its 95 % interval: `68.4 % [66.9, 69.9]`; `n/a` where it is undefined (None, NaN).

    >>> percent(0.684, (0.669, 0.699))
    '68.4 % [66.9, 69.9]'
    >>> percent(float("nan"))
    'n/a'
    """
    if value is None or math.isnan(value):
        return "n/a"
    shown = f"{value:.1%}".replace("%", " %")
    if interval and interval[0] is not None and interval[1] is not None:
        shown += f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
    return shown


def progress_line(what: str) -> Callable[[int, int], None]:
    """A callback (done, all) that keeps one line on standard error up to date, and a task's progress.

    While `all` is not known it is 0.
    """
    report = Reporter(what)
    shown_at, shown = 0.0, (-1, -1)

    def show(done: int, total: int) -> None:
        nonlocal shown_at, shown
        report(done, total)
        now, ended = time.monotonic(), done >= total > 0
        if (ended or now - shown_at >= _SHOW_EVERY_S) and (done, total) != shown:
            shown_at, shown = now, (done, total)
            of_all = f" of {total:,}" if total else ""
            print(f"\r{what} {done:,}{of_all}", end="\n" if ended else "", file=sys.stderr, flush=True)  # noqa: T201

    return show
