"""From logits to probabilities and to the class that is said."""

import numpy as np
import pytest
from scipy.special import softmax

from fer_core.softmax import most_probable, temper


@pytest.mark.parametrize("n", [0, 1, 4095, 4097])
def test_the_mean_of_two_views(n: int) -> None:
    views = np.random.default_rng(0).normal(0, 3, (2, n, 7)).astype(np.float32)
    expected = softmax(views.astype(np.float64) / 0.7, axis=2).mean(0)
    np.testing.assert_allclose(temper(views, 0.7), expected, rtol=1e-12)
    np.testing.assert_allclose(temper(views[0], 0.7), softmax(views[0].astype(np.float64) / 0.7, axis=1), rtol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("classes", [1, 2, 7])
def test_the_first_of_equally_probable_classes(classes: int, order: str) -> None:
    few_values = np.random.default_rng(1).integers(0, 3, (500, classes)).astype(float)
    found = most_probable(np.asarray(few_values, order=order))
    assert found.dtype == np.int64
    assert found.tolist() == few_values.argmax(1).tolist()
    assert most_probable(np.zeros((0, classes))).shape == (0,)
