"""How many more samples of a class it would take, by the features of the network."""

from __future__ import annotations

import math

import streamlit as st

from fer_core.data.answers import features_file
from fer_core.evaluate.errors.learning import LearningCurve, Measured, fitted_curve
from fer_core.evaluate.probing import LEARNING
from fer_core.evaluate.results import load_result
from ui.datasets.asking import offer_answers
from ui.evaluation.kept import Evaluated
from ui.tasks import running, start_task

_FURTHEST = 100  # times the samples that there are


def show_learning(found: Evaluated, name: str) -> None:
    """The learning curve of a class; where there is none yet, the next step towards it."""
    st.subheader(f"Would more samples of {name} help?")
    data_set, about = found.where.shown.data_set, found.predictions.about
    if about.split == "train":
        st.caption("A learning curve learns from train and measures on another split; choose one in the sidebar.")
        return
    kept = load_result(about, f"{LEARNING}-{found.predictions.classes.index(name)}")
    if kept is None:
        st.caption(
            "The last layer is trained again on an eighth, a quarter, a half of the class's training samples; where "
            "the recall still rises, more samples would help."
        )
        if not features_file(data_set, found.card.weights_sha256).exists():
            offer_answers(found.where.shown)
        elif st.button(
            f"Measure it for {name}", key="learning", icon=":material/trending_up:", disabled=running(data_set.name)
        ):
            start_task(
                ["learning-curve", *found.as_options(), "--class", name], f"Learning curve of {name}", data_set.name
            )
        return
    _show_curve(fitted_curve(Measured.from_json(kept)), found, name)


def _show_curve(curve: LearningCurve, found: Evaluated, name: str) -> None:
    from fer_core.plots.lens import learning_figure

    left, right = st.columns([3, 2], gap="large")
    left.plotly_chart(
        learning_figure(curve, name, found.predictions.classes.names), key="learning curve",
        config={"displaylogo": False}, alt=f"Recall of {name} against its training samples",
    )  # fmt: skip
    with right:
        best = float(curve.recall[-1])
        goal = st.slider("Recall to be reached", 50, 99, min(99, max(50, round(100 * best) + 10)), format="%d %%")
        needed, (low, high) = curve.needed(goal / 100)
        now = int(curve.samples[-1])
        st.metric(f"Training samples of {name}", _many(needed, now))
        st.caption(
            f"95 % interval: {_many(low, now)} to {_many(high, now)}; there are {now:,}. A power law through the "
            "recalls of a linear layer that weighs all classes equally, which is why they are not the model's own. Its "
            "features have seen all of these samples, so that the curve is flatter than that of a whole training."
        )


def _many(samples: float, now: int) -> str:
    """A number of samples; beyond a hundred times what there is the law says no more than that."""
    if not math.isfinite(samples) or samples > _FURTHEST * now:
        return f"over {_FURTHEST * now:,}"
    return f"{round(samples, -2 if samples >= 10_000 else 0):,.0f}"
