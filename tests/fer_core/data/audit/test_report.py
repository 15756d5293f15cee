"""The report: JSON, the page, progress and stopping."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.data.audit import audit, checks
from fer_core.errors import DataError

Face = Callable[[int], NDArray[np.uint8]]
Table = Callable[..., SampleTable]
HOSTILE = "<script>alert(1)</script>"


class Seen(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def decoded(source: str) -> NDArray[np.uint8]:
    data = np.frombuffer(base64.b64decode(source.removeprefix("data:image/png;base64,")), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)  # type: ignore[return-value]


@pytest.fixture
def samples(face: Face, table: Table) -> SampleTable:
    faces = [face(0), face(0), np.full((200, 100), 5, np.uint8), *(face(i) for i in range(1, 6))]
    return table(faces, sample_id=[HOSTILE, 'a"b', *"cdefgh"], split=["train", "test"] * 4)


def test_json_is_a_list_of_findings(samples: SampleTable) -> None:
    report = audit(samples)
    found = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert {"check", "count", "by_class", "sample_ids"} <= set(found[0])
    assert [one["check"] for one in found] == [c.name for c in checks() if c.name not in report.skipped]
    twins = next(one for one in found if one["check"] == "exact-twins-across-splits")
    assert twins["count"] == 2
    assert twins["by_class"] == {"happy": 2}
    assert twins["sample_ids"] == [HOSTILE, 'a"b']
    assert twins["groups"] == [twins["sample_ids"]]
    with pytest.raises(KeyError):
        report["label-errors"]


def test_every_check_has_a_name_and_a_line() -> None:
    names = [check.name for check in checks()]
    assert names == sorted(names)
    assert {"exact-twins-across-splits", "near-twins-within-split", "label-errors", "drift"} <= set(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)
    assert all(20 < len(check.summary) < 110 for check in checks())


def test_the_page_is_whole_and_harmless(samples: SampleTable, tmp_path: Path) -> None:
    report = audit(samples)
    report.save_html(tmp_path / "deep" / "audit.html", samples)
    text = (tmp_path / "deep" / "audit.html").read_text(encoding="utf-8")
    seen = Seen(text)
    assert "script" not in seen.tags
    assert HOSTILE in seen.text  # as words
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"https?:|url\(|@import|<link|\son\w+=", text)
    assert all(finding.check in text for finding in report.findings)
    assert "Checks that did not run" in text
    sources = [str(value) for name, value in seen.attributes if name == "src"]
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    pictures = [decoded(source) for source in sources]
    assert {picture.shape for picture in pictures} == {(48, 48), (96, 48)}  # as it is, or made smaller
    assert any(np.array_equal(pictures[0], one) for one in samples.faces())


def test_only_some_pictures_are_shown(face: Face, table: Table, tmp_path: Path) -> None:
    samples = table([face(0) // 16] * 60)
    audit(samples, ["dark", "exact-twins-within-split"]).save_html(tmp_path / "a.html", samples)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert text.count("<figure>") == 48
    assert text.count("36 more are not shown") == 2


def test_progress_rises_to_the_end(samples: SampleTable) -> None:
    told: list[tuple[int, int]] = []
    audit(samples, progress=lambda done, total: told.append((done, total)))
    assert {total for _, total in told} == {100 * len(checks())}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]


def test_progress_never_falls_back_within_a_check(face: Face, table: Table) -> None:
    samples = table([face(i) for i in range(600)])  # more than are decoded at once
    told: list[int] = []
    audit(samples, ["near-twins-within-split", "dark"], progress=lambda done, _: told.append(done))
    assert told == sorted(told)
    assert {0, 100, 200} <= set(told)


def test_stopping_keeps_what_was_done(samples: SampleTable) -> None:
    ran: list[int] = []
    names = ["exact-twins-across-splits", "odd-sizes", "dark"]
    report = audit(samples, names, progress=lambda done, _: ran.append(done), stop=lambda: bool(ran) and ran[-1] >= 100)
    assert report.stopped
    assert [finding.check for finding in report.findings] == ["exact-twins-across-splits"]
    assert audit(samples, names, stop=lambda: True).findings == ()
    assert not audit(samples, names, stop=lambda: False).stopped


def test_a_stopped_report_says_so(samples: SampleTable, tmp_path: Path) -> None:
    audit(samples, stop=lambda: True).save_html(tmp_path / "a.html", samples)
    assert "stopped before its end" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_what_cannot_be_audited_is_refused(samples: SampleTable, table: Table) -> None:
    with pytest.raises(DataError, match="no samples to audit"):
        audit(table([]))
    with pytest.raises(DataError, match="no check blurry; there are blurred, conflicting-labels"):
        audit(samples, ["blurry"])
