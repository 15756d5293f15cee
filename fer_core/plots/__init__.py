"""Figures as pure functions: numbers in, a Plotly figure out. The page's theme gives fonts and backgrounds."""
