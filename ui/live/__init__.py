"""The Live page: the camera's stream, its counters, and what it saw."""
