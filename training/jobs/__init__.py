"""Jobs: training runs that wait in a queue on disk and go on without a page, a terminal or a worker that lives long.

```
workspace/jobs/
    jobs.db          the table of jobs and of the attempts at them
    tickets.db       what wakes the worker; may be deleted
    worker.lock      held by the worker as long as it lives
    worker.json      number of its process, and since when
    worker.log       what a worker that the app has started says
    ID/recipe.yaml   what is trained
    ID/N/            the process of attempt N, as a task (`fer_core.tasks`): log, lock, result
```
"""
