"""Errors that a user can act on.

Every message is a whole sentence that names what was wrong, with its value, and what to do instead. The command line
prints it and leaves with status 2; a page shows it and goes on. Anything else that is raised is a defect of ours.
"""


class FERScopeError(Exception):
    """Base of every error whose message is meant for the user."""


class ImageError(FERScopeError):
    """A picture cannot be read: empty, truncated, of an unknown format, or too large."""


class VideoError(FERScopeError):
    """A video cannot be read: not one, damaged, without pictures, or too large."""


class DataError(FERScopeError):
    """A data set cannot be read, or does not hold what was asked of it."""


class CheckpointError(FERScopeError):
    """A checkpoint is unknown, unsafe, or its card and weights do not fit."""


class ModelError(FERScopeError):
    """An architecture or a layer is unknown, or its arguments do not fit."""


class RecipeError(FERScopeError):
    """A training recipe is not valid."""


class UnavailableError(FERScopeError):
    """Something optional (a package, pretrained weights, a detector's file) is not on this machine."""


class MissingWeightsError(UnavailableError):
    """The pretrained weights that a recipe starts from cannot be had on this machine; random ones can be asked for.

    Attributes:
        why: the message without how to ask for random ones.
    """

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why} {remedy}")
        self.why = why


class DownloadError(FERScopeError):
    """A data set cannot be downloaded: no network, no rights, or its authors give it out themselves."""


class TrainingError(FERScopeError):
    """A training run cannot go on: its loss is no number any more, or the machine's memory does not suffice."""


class JobError(FERScopeError):
    """A job is unknown or in no state for what was asked of it, or the table of jobs cannot be used."""


class SweepError(FERScopeError):
    """A sweep or a trial is unknown, or its storage cannot be used."""
