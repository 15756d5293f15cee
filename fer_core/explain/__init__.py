"""Which places of a face a network's answer rests on."""

from fer_core.explain import cams, integrated, occlusion, rollout  # noqa: F401  (importing registers the methods)
from fer_core.explain.batch import Maps, explain_batch
from fer_core.explain.explainer import Explainer, get_explainer
from fer_core.explain.layers import LayerInfo, coarse_note, default_layer, finer_than, saliency_layers
from fer_core.explain.methods import Method, Option, get_method, methods, register_method
from fer_core.explain.overlay import DIVERGING, SEQUENTIAL, overlay, paste_back
from fer_core.explain.progress import reporting
from fer_core.explain.saliency import SaliencyMap, Target, resize_map

__all__ = [
    "DIVERGING",
    "SEQUENTIAL",
    "Explainer",
    "LayerInfo",
    "Maps",
    "Method",
    "Option",
    "SaliencyMap",
    "Target",
    "coarse_note",
    "default_layer",
    "explain_batch",
    "finer_than",
    "get_explainer",
    "get_method",
    "methods",
    "overlay",
    "paste_back",
    "register_method",
    "reporting",
    "resize_map",
    "saliency_layers",
]
