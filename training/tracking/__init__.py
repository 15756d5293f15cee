"""Runs in MLflow: what was trained how, its curves, its checkpoint, and the machine's load meanwhile.

A run writes into its own folder; a process beside it (`recorder`) brings MLflow up to what the folder says. MLflow
takes seconds to load and a few hundred megabytes, and a server may be away for a while: neither is the run's concern.
Pages read with `reading`, which asks a local store without loading MLflow.
"""
