"""Runs on a Ray cluster, which shares the disk of the workspace: Ray Jobs takes them there, Ray Train spreads them.

In the queue such a run is a job like any other. Its process on this machine is a follower, which hands the run in,
prints the log of the cluster, and asks the run to end when it is asked to end itself. Notes in the run's folder:

```
runs/RUN/
    ray.json     address and number of the submission; a follower that begins anew takes it up
    home         a word by which the cluster knows that it sees the same disk
    leave        there since the run was asked to end; looked for after a step
    left         there since it has kept its state and ended for that reason
    told         what one of its processes said was wrong
```
"""
