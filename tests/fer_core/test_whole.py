"""Lines that are there whole or not at all, on a disk that is really full: the system's limit for a file's size."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fer_core.whole import add_line


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_are_added(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    add_line(file, '{"a": 1}')
    add_line(file, "é")
    assert file.read_bytes() == b'{"a": 1}\n\xc3\xa9\n'


@pytest.mark.parametrize("room", [1, 5, 10])
def test_a_line_that_does_not_fit_is_not_begun(tmp_path: Path, room: int) -> None:
    file = tmp_path / "rows.jsonl"
    add_line(file, "0123456789")
    with files_end_at(11 + room), pytest.raises(OSError) as told:  # noqa: PT011  (the number below is the point)
        add_line(file, "0123456789")
    assert told.value.errno == errno.ENOSPC
    assert file.read_text() == "0123456789\n"
    add_line(file, "there is room again")
    assert file.read_text() == "0123456789\nthere is room again\n"
