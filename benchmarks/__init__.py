"""One script per figure that the README quotes: `python -m benchmarks.NAME`. Each prints a ratio beside its goal."""
