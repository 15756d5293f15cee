"""Archives that come from outside: checked before anything is written, and unpacked whole or not at all."""

from fer_core.data.intake.limits import ArchiveLimits
from fer_core.data.intake.unpacking import Unpacked, content_of, unpack

__all__ = ["ArchiveLimits", "Unpacked", "content_of", "unpack"]
