"""What is worked out once for each prediction table, and forgotten with it."""

from __future__ import annotations

import gc

from tests.fer_core.evaluate.tables import table
from ui.evaluation.once import _KEPT, _MOST, once


def test_work_is_done_once_for_each_table_and_key() -> None:
    first, second = table(5), table(5)
    done: list[str] = []

    def work(name: str) -> str:
        done.append(name)
        return name.upper()

    assert [once(first, "a", lambda: work("a")) for _ in range(3)] == ["A"] * 3
    assert once(second, "a", lambda: work("b")) == "B"
    assert once(first, "c", lambda: work("c")) == "C"
    assert done == ["a", "b", "c"]


def test_old_things_go_first_and_a_table_takes_its_own_with_it() -> None:
    given = table(5)
    for i in range(_MOST + 1):
        once(given, i, lambda: "first")
    assert once(given, 0, lambda: "again") == "again"
    assert once(given, _MOST, lambda: "again") == "first"
    before = len(_KEPT)
    del given
    gc.collect()
    assert len(_KEPT) == before - 1
