"""Videos and folders of pictures, from the file to a table, a video with boxes, and a summary.

from fer_core.video import Job, analyse_video
told = analyse_video(Path("film.mp4"), Path("results"), Job(get_predictor("compact"), get_detector()))
"""

from fer_core.video.film import analyse_video
from fer_core.video.folder import analyse_pictures
from fer_core.video.job import ANNOTATED, FACES, PICTURES, SUMMARY, Job
from fer_core.video.reading import DEFAULT_LIMITS, Film, VideoInfo, VideoLimits, survey
from fer_core.video.results import Result

__all__ = [
    "ANNOTATED",
    "DEFAULT_LIMITS",
    "FACES",
    "PICTURES",
    "SUMMARY",
    "Film",
    "Job",
    "Result",
    "VideoInfo",
    "VideoLimits",
    "analyse_pictures",
    "analyse_video",
    "survey",
]
