"""Names of an archive's members: what may become a path below a folder, on any system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from fer_core.errors import DataError

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)( *\..*)?", re.IGNORECASE)
_FORBIDDEN = frozenset('<>:"|?*')
_MOST_BYTES_OF_PART = 240
_MOST_CHARACTERS = 1000
_MOST_PARTS = 32
_SHOWN = 80
# Marks that let a name be read in another order than it is written.
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def shown(name: str) -> str:
    """A member's name for a message: printable, of bearable length."""
    plain = "".join(c if c.isprintable() else "?" for c in name)
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 23]}...{plain[-20:]}"


def safe_path(name: str) -> PurePosixPath:
    """A member's place below the folder that is unpacked to; a backslash separates like a slash.

    Raises:
        DataError: the name leads out of the folder, or cannot be a file's on some system.
    """
    plain = name.replace("\\", "/")
    wrong = _whole_problem(plain)
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    wrong = wrong or next((problem for part in parts if (problem := _part_problem(part))), None)
    if not wrong and not parts:
        wrong = "has no name"
    if wrong:
        raise DataError(
            f"The archive's member {shown(name)!r} {wrong}; nothing was unpacked. Pack the data set's folder anew with "
            "plain names, or unpack it yourself and give the folder."
        )
    return PurePosixPath(*parts)


def same_name(path: PurePosixPath) -> str:
    """What two paths share that are one file on a system which does not tell case or composed letters apart."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _whole_problem(name: str) -> str | None:
    plain = name.isascii() and name.isprintable()  # nearly all are, and this is quicker
    if not plain and any(unicodedata.category(c) in ("Cc", "Cs") or c in _TURNING for c in name):
        return "has control or undecodable characters in its name"
    if name.startswith("/"):
        return "has an absolute path"
    if re.match(r"[A-Za-z]:", name):
        return "names a drive"
    if len(name) > _MOST_CHARACTERS or name.count("/") >= _MOST_PARTS:
        return f"has a path of {len(name):,} characters and {name.count('/') + 1} parts, which is too long"
    return None


def _part_problem(part: str) -> str | None:
    if part == "..":
        return "leads out of its folder"
    if _RESERVED.fullmatch(part):
        return f"has a name that Windows reserves for a device ({part})"
    if _FORBIDDEN & set(part):
        return f"has a character in its name that Windows does not allow ({''.join(sorted(_FORBIDDEN & set(part)))})"
    if part != part.rstrip(" ."):
        return "has a name that ends in a dot or a space"
    if len(part.encode()) > _MOST_BYTES_OF_PART:
        return f"has a name of {len(part.encode())} bytes, which is too long"
    return None
