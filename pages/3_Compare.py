"""Compare: is another checkpoint really better, where do they differ, and what do they give together?"""

from __future__ import annotations

from ui.page import open_page

picked = open_page("Compare", "Is another checkpoint really better, and where?", with_split=True)
