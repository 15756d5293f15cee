"""May the maps of this model be believed? What was examined, and the mark that maps carry."""

from __future__ import annotations

from typing import Any

import streamlit as st

from fer_core.checkpoint import Checkpoint
from fer_core.explain import get_explainer, get_method
from fer_core.explain.members import layer_title
from fer_core.explain.trust.kept import kept, verdict_on
from ui.page import ink
from ui.tasks import running, show_tasks, start_task

_MARKS = {
    "sound": ":green-badge[passed its checks]",
    "doubtful": ":orange-badge[doubtful on this model]",
    "failed": ":red-badge[failed on this model]",
    "undecided": ":gray-badge[too few faces to tell]",
}
_METHODS = ("gradcam", "hirescam", "gradcam++", "xgradcam", "layercam", "eigencam")  # one pass each: a minute or two
_DRAWN = "schematic faces"
_LIKENESS = {"spearman": "rank correlation", "ssim": "structural similarity"}
_SLOW = ("integrated", "occlusion")
_SHOWN = {
    "road": "ROAD, more is better",
    "deletion, blur": "area under deletion (blurred), less is better",
    "insertion, blur": "area under insertion (blurred), more is better",
    "deletion, mean": "area under deletion (mean grey), less is better",
    "insertion, mean": "area under insertion (mean grey), more is better",
    "pointing": "peak in the true regions, more is better",
    "mass": "density in the true regions, more is better",
    "stability": "rank correlation after a small shift",
    "randomised": "rank correlation with all weights shuffled, near 0 is right",
}


def mark(checkpoint: Checkpoint, method: str, layer: str) -> None:
    """Says beside a map what is thought of its method; nothing where it was not examined."""
    found = verdict_on(checkpoint.card.weights_sha256, method, layer)
    if found is not None:
        reasons = " ".join(check["reason"] for check in found["checks"] if check["passed"] is False)
        st.markdown(_MARKS[found["state"]], help=reasons or "Better than a random map and than the centre.")


def show_trust(checkpoint: Checkpoint, data_set: str | None) -> None:
    """The panel."""
    subject = f"trust {checkpoint.folder}"
    show_tasks(subject)
    told = kept(checkpoint.card.weights_sha256)
    faces = _asked_faces(data_set)
    from fer_core.explain.trust import Examined

    few, many = (Examined(names).passes(100) for names in (_METHODS, (*_METHODS, *_SLOW)))
    slow = st.toggle(
        "Integrated gradients and occlusion too", key="slow methods",
        help=f"About {many:,} passes of a face through the network instead of {few:,}.",
    )  # fmt: skip
    if st.button(
        f"Examine on {faces}", icon=":material/verified:", disabled=running(subject),
        help="Deletion, insertion, ROAD, randomised weights and stability of the methods on 100 faces; takes the place "
        "of what was examined before.",
    ):  # fmt: skip
        where = ["--drawn"] if faces == _DRAWN else ["--data", faces, "--split", "validation"]
        rolled = [m.name for m in get_explainer(checkpoint.folder).methods() if m.needs_tokens]
        methods = [word for name in (*_METHODS, *rolled, *(_SLOW if slow else ())) for word in ("--method", name)]
        arguments = ["trust", "--checkpoint", str(checkpoint.folder), *where, *methods, "--keep"]
        start_task(arguments, f"Trust in maps of {checkpoint.card.name}", subject)
    if told is None:
        st.info("The maps of this model have not been examined yet.", icon=":material/help:")
        return
    _show(told)


def _asked_faces(data_set: str | None) -> str:
    if data_set is None:
        return _DRAWN
    return str(
        st.segmented_control(
            "Faces to examine on", [data_set, _DRAWN], default=data_set, required=True, key="trust faces",
            help="On schematic faces it is known where the expression lies, so that the pointing game and the density "
            "in the true regions are measured too; but few models were trained on them.",
        )
    )  # fmt: skip


def _show(told: dict[str, Any]) -> None:
    from fer_core.plots.regions import trust_dots

    st.caption(f"{told['n']:,} faces of {told['data']}, the predicted class of each; grey are maps that know nothing.")
    for verdict in told["verdicts"]:
        reasons = [check["reason"] for check in verdict["checks"] if check["passed"] is False]
        st.markdown(f"**{get_method(verdict['method']).title}** {_MARKS[verdict['state']]} {' '.join(reasons)}")
    measures = [name for name in _SHOWN if any(name in figures for figures in told["figures"].values())]
    columns = st.columns(2)
    titles = {name: get_method(name).title for name in told["methods"]}
    figures = {titles.get(name, name): found for name, found in told["figures"].items()}
    for place, name in enumerate(measures):
        chart = trust_dots(figures, name, _SHOWN[name])
        columns[place % 2].plotly_chart(
            chart, key=f"trust {name}", config={"displaylogo": False},
            alt=f"{_SHOWN[name]} of {', '.join(found for found in figures if name in figures[found])}, with intervals",
        )  # fmt: skip
    _cascades(told, titles)
    if len(told["methods"]) > 1:
        from fer_core.plots.trust import agreement_matrix

        st.markdown("**Do methods agree with one another?**")
        chart = agreement_matrix([titles[name] for name in told["methods"]], told["agreement"])
        st.plotly_chart(
            chart, key="agreement", config={"displaylogo": False},
            alt=f"Rank correlation between the maps of {', '.join(titles.values())}",
        )  # fmt: skip
        st.caption("Mean rank correlation of the maps of the same faces. Methods may agree and all be wrong.")


def _cascades(told: dict[str, Any], titles: dict[str, str]) -> None:
    """What becomes of the maps while the network loses what it has learned."""
    from fer_core.plots.trust import cascade_curves

    st.markdown("**Do maps go when the weights go?**")
    measure = st.segmented_control(
        "Likeness",
        list(_LIKENESS),
        default="spearman",
        required=True,
        format_func=_LIKENESS.__getitem__,
        key="likeness",
    )
    cascades = {
        titles[name]: {**found, "stages": [layer_title(stage) for stage in found["stages"]]}
        for name, found in told["cascades"].items()
    }
    chart = cascade_curves(cascades, str(measure), _LIKENESS[str(measure)], ink())
    st.plotly_chart(
        chart, key="cascades", config={"displaylogo": False},
        alt=f"{_LIKENESS[str(measure)]} while layer after layer is shuffled: {', '.join(cascades)}",
    )  # fmt: skip
    st.caption(
        "How alike the maps are to those of the trained network while layer after layer, from the output backwards, "
        "its weights are shuffled (Adebayo et al. 2018). A line that stays high belongs to a map that does not tell of "
        "the network; bars are 95 % intervals."
    )
