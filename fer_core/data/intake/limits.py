"""What an archive may hold at most."""

from __future__ import annotations

from dataclasses import dataclass

PICTURES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
TABLES = frozenset({".csv", ".npy", ".parquet", ".tsv"})
TEXTS = frozenset({".json", ".jsonl", ".md", ".txt"})
_MB = 10**6


@dataclass(frozen=True)
class ArchiveLimits:
    """Sizes to refuse; the defaults let AffectNet's folders and `fer2013.csv` (301 MB) through.

    Attributes:
        max_bytes: of all members together, unpacked.
        max_file_bytes: of one picture or text, unpacked.
        max_table_bytes: of one CSV, Parquet or NumPy file, unpacked.
        max_files: members, folders and what is not written included.
        max_ratio: unpacked bytes per packed byte, of a member above one megabyte and of the whole.
    """

    max_bytes: int = 10_000 * _MB
    max_file_bytes: int = 200 * _MB
    max_table_bytes: int = 4_000 * _MB
    max_files: int = 2_000_000
    max_ratio: float = 200.0

    def of(self, suffix: str) -> int:
        """Largest size of a member with this suffix, bytes."""
        return self.max_table_bytes if suffix in TABLES else self.max_file_bytes


DEFAULT_LIMITS = ArchiveLimits()
