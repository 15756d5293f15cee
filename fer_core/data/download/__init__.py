"""Public data sets: where each is, under which terms, and how it gets here."""

from fer_core.data.download.hugging_face import fetch_hugging_face
from fer_core.data.download.named import fetch
from fer_core.data.download.sources import SOURCES, Source

__all__ = ["SOURCES", "Source", "fetch", "fetch_hugging_face"]
