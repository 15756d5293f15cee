"""Files of a run's folder. The pages and its record are made from those with one JSON object a line."""

HISTORY = "history.jsonl"  # epochs
STEPS = "steps.jsonl"  # points within epochs
LOAD = "load.jsonl"  # of the machine, by the clock
PROGRESS = "progress.json"  # the latest state, replaced whole
ASKING = "asking its teachers"  # in it, while that is done
