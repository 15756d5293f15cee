"""Sweeps: many runs of a recipe with varied values, drawn by Optuna, each of them a job."""
