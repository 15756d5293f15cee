"""Files of a run's folder that the pages and its record are made from, each with one JSON object a line."""

HISTORY = "history.jsonl"  # epochs
STEPS = "steps.jsonl"  # points within epochs
LOAD = "load.jsonl"  # of the machine, by the clock
