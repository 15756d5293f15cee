"""Network architectures by name."""

from fer_core.models import compact, dlib_resnet, ensemble, fec_cnn, heads, mobilenet, svm, vggnet_670k  # noqa: F401  (importing registers them)
from fer_core.models.registry import Architecture, architectures, create_model, register_model

__all__ = ["Architecture", "architectures", "create_model", "register_model"]
