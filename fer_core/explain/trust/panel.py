"""All that tells whether maps of a model may be believed, for several methods on the same faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.errors import DataError
from fer_core.evaluate.bootstrap import USUAL, Resampling, plain
from fer_core.explain.batch import explain_all
from fer_core.explain.empty import EMPTY
from fer_core.explain.explainer import Explainer
from fer_core.explain.methods import get_method
from fer_core.explain.saliency import resize_map
from fer_core.explain.trust import baselines, road, stability, truth
from fer_core.explain.trust.ledger import AT_ONCE, COSTLY, MEASURING, Ledger, cost
from fer_core.explain.trust.randomisation import STAGES, Cascade, cascade
from fer_core.explain.trust.removal import Curves, removal_curves
from fer_core.explain.trust.verdict import MEASURES, Figure, Values, Verdict, judged
from fer_core.softmax import temper

Maps = NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Examined:
    """What is examined, and how.

    Attributes:
        methods: names, in order.
        layer: for methods that look at one; None: the last one with a map.
        seed: of everything random.
        repeated: faces at most, the first of them, for what needs many maps of each: randomised weights and stability.
        resampling: of the intervals.
        repeated_costly: as `repeated`, for methods of more than ten passes a face, such as integrated gradients and
            occlusion: each map of theirs costs a hundred of the others.
    """

    methods: tuple[str, ...] = ("gradcam", "hirescam", "layercam")
    layer: str | None = None
    seed: int = 0
    repeated: int = 32
    resampling: Resampling = USUAL
    repeated_costly: int = 12

    def repeats(self, method: str, n: int) -> int:
        """Faces of N that a method is repeated on."""
        return min(n, self.repeated if cost(get_method(method)) <= COSTLY else self.repeated_costly)

    def passes(self, n: int) -> int:
        """What examining N faces costs, in passes of one face through the network; an estimate."""
        total = (len(self.methods) + len(baselines.BASELINES)) * n * MEASURING
        for name in self.methods:
            repeats = (STAGES + 1 + stability.MOVES) * self.repeats(name, n)
            total += (n + repeats) * cost(get_method(name))
        return total


@dataclass(frozen=True, eq=False)
class TrustReport:
    """Methods and baselines on the same N faces; the explained class is the predicted one.

    Attributes:
        model: name of the checkpoint.
        n: faces.
        map_hw: by method, rows and columns of its maps.
        layer: by method, where they were made.
        values: by method or baseline, (N,) by measure; methods also have `stability` and `randomised`, of at most
            `Examined.repeated` faces.
        curves: by method or baseline, and by what stands in for removed pixels.
        cascades: by method.
        agreement: (M, M) mean rank correlation of methods.
        verdicts: by method.
        resampling: of the intervals.
    """

    model: str
    n: int
    map_hw: dict[str, tuple[int, int]]
    layer: dict[str, str]
    values: dict[str, Values]
    curves: dict[tuple[str, str], Curves]
    cascades: dict[str, Cascade]
    agreement: NDArray[np.float64]
    verdicts: dict[str, Verdict]
    resampling: Resampling

    def figure(self, candidate: str, measure: str) -> Figure:
        """Mean of one measure of a method or baseline, with its interval."""
        return Figure.of(self.values[candidate][measure], self.resampling)

    def as_json(self) -> dict[str, Any]:
        """Plain values: figures by candidate and measure, cascades as means, verdicts with their checks."""
        figures = {
            name: {key: plain(vars(self.figure(name, key))) for key in measured}
            for name, measured in self.values.items()
        }
        cascades = {
            name: {
                "stages": list(found.stages),
                "spearman": [plain(vars(Figure.of(row, self.resampling))) for row in found.spearman],
                "ssim": [plain(vars(Figure.of(row, self.resampling))) for row in found.ssim],
            }
            for name, found in self.cascades.items()
        }
        return {
            "model": self.model,
            "n": self.n,
            "methods": {m: {"layer": self.layer[m], "map_hw": list(self.map_hw[m])} for m in self.map_hw},
            "figures": figures,
            "cascades": cascades,
            "agreement": plain(self.agreement.tolist()),
            "verdicts": [verdict.as_json() for verdict in self.verdicts.values()],
        }

    def as_text(self) -> str:
        """For the terminal: a line a measure with all candidates, then each verdict with its reasons."""
        names = list(self.values)
        lines = [f"{self.model}, {self.n:,} faces; the explained class is the predicted one"]
        lines += [f"{'':<22}" + "".join(f"{name:<26}" for name in names)]
        for measure in (*(m.name for m in MEASURES), "stability", "randomised"):
            if any(measure in values for values in self.values.values()):
                cells = [self._cell(name, measure) for name in names]
                lines.append(f"{measure:<22}" + "".join(f"{cell:<26}" for cell in cells))
        for verdict in self.verdicts.values():
            lines.append(f"{verdict.method}: {verdict.state}")
            lines += [f"  {reason}" for reason in verdict.reasons]
        return "\n".join(lines)

    def _cell(self, candidate: str, measure: str) -> str:
        if measure not in self.values[candidate]:
            return ""
        found = self.figure(candidate, measure)
        return f"{found.mean:.3f} [{found.interval[0]:.3f}, {found.interval[1]:.3f}]"


def trust(
    explainer: Explainer,
    faces: Sequence[NDArray[np.uint8]],
    examined: Examined,
    *,
    evidence: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> TrustReport:
    """Examines methods on a model. A hundred faces or two are enough; all their maps are held at once.

    Args:
        explainer: the model.
        faces: N crops, at least one.
        examined: which methods, and how.
        evidence: (N, S, S) where the truth lies, at the size of the network's input, for drawn faces; None: unknown.
        progress: called with (passes done, passes in all) through the network; the latter is an estimate.

    Raises:
        DataError: no faces, or evidence of another shape.
        FERScopeError: as `Explainer.explain`.
    """
    if not len(faces):
        raise DataError("Trust cannot be examined without faces; give at least one, better a hundred.")
    side = explainer.card.preprocess.size_px
    if evidence is not None and evidence.shape != (len(faces), side, side):
        raise DataError(f"The evidence has the shape {evidence.shape}; it must be ({len(faces)}, {side}, {side}).")
    bench = _Bench(explainer, explainer.card.preprocess(faces), examined, evidence)
    ledger = Ledger(examined.passes(len(faces)), progress)
    found = _Found()
    for name in examined.methods:
        found.add_method(name, bench, ledger)
    for name in baselines.BASELINES:
        found.add_baseline(name, bench, ledger)
    ledger.finish()
    beside = {name: found.values[name] for name in baselines.BASELINES}
    how = examined.resampling
    verdicts = {
        name: judged(name, found.values[name], beside, how, class_specific=get_method(name).class_specific)
        for name in examined.methods
    }
    return TrustReport(
        model=explainer.card.name,
        n=len(faces),
        map_hw=found.map_hw,
        layer=found.layer,
        values=found.values,
        curves=found.curves,
        cascades=found.cascades,
        agreement=stability.agreement(found.maps),
        verdicts=verdicts,
        resampling=how,
    )


@dataclass
class _Found:
    """What is known so far; the fields are those of `TrustReport`, and the methods' enlarged maps."""

    map_hw: dict[str, tuple[int, int]] = field(default_factory=dict)
    layer: dict[str, str] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)
    curves: dict[tuple[str, str], Curves] = field(default_factory=dict)
    cascades: dict[str, Cascade] = field(default_factory=dict)
    maps: dict[str, Maps] = field(default_factory=dict)

    def add_method(self, name: str, bench: _Bench, ledger: Ledger) -> None:
        """Its maps, what is measured of them, and of those of changed weights and faces."""
        n, each = len(bench.inputs), cost(get_method(name))
        with ledger.spending(n * each, n):
            raw, self.layer[name] = bench.made(name)
        self.map_hw[name] = (raw.shape[1], raw.shape[2])
        maps = self.maps[name] = bench.enlarged(raw)
        self._measure(name, maps, bench, ledger)
        few = bench.repeated(name)
        again = len(few) * each
        with ledger.spending((STAGES + 1) * again, (STAGES + 1) * AT_ONCE):
            randomised = cascade(bench.explainer.network, bench.on_network(name), bench.examined.seed)
        self.cascades[name], self.values[name]["randomised"] = randomised, randomised.spearman[-1]
        with ledger.spending(stability.MOVES * again, stability.MOVES * AT_ONCE):
            self.values[name]["stability"] = stability.stability(bench.on_inputs(name), few, maps[: len(few)])

    def add_baseline(self, name: str, bench: _Bench, ledger: Ledger) -> None:
        """After a method, as coarse as whose maps those of the baseline are."""
        side = bench.inputs.shape[-1]
        self._measure(name, bench.baseline(name, next(iter(self.map_hw.values()), (side, side))), bench, ledger)

    def _measure(self, name: str, maps: Maps, bench: _Bench, ledger: Ledger) -> None:
        with ledger.spending(len(maps) * MEASURING):
            self.values[name], curves = bench.measured(maps)
        self.curves |= {(name, fill): one for fill, one in curves.items()}


class _Bench:
    """The faces, what is explained of them, and the ways to make and measure maps of them."""

    def __init__(
        self, explainer: Explainer, inputs: torch.Tensor, examined: Examined, evidence: NDArray[np.bool_] | None
    ) -> None:
        self.explainer, self.inputs, self.examined, self.evidence = explainer, inputs, examined, evidence
        self.targets = explainer.logits(inputs).argmax(1).tolist()
        self.empty = {name: make(inputs) for name, make in EMPTY.items()}

    def answer(self, inputs: torch.Tensor) -> NDArray[np.float64]:
        """Probabilities (n, K)."""
        return temper(self.explainer.logits(inputs), self.explainer.card.temperature)

    def made(
        self, method: str, network: nn.Module | None = None, inputs: torch.Tensor | None = None
    ) -> tuple[Maps, str]:
        """Raw maps of the faces' classes, and their layer."""
        chosen = get_method(method)
        layer = chosen.place or self.examined.layer or self.explainer.default_layer.name
        network = self.explainer.network_for(chosen, layer) if network is None else network
        inputs = self.inputs if inputs is None else inputs
        questions = [(target, None) for target in self.targets[: len(inputs)]]
        maps = explain_all(network, inputs, questions, layer, (chosen, chosen.settings()))
        return maps.raw, maps.layer

    def enlarged(self, raw: Maps) -> Maps:
        """(N, S, S), signs kept."""
        side = self.inputs.shape[-1]
        return np.stack([resize_map(one, side, side) for one in raw])

    def baseline(self, name: str, map_hw: tuple[int, int]) -> Maps:
        """Maps (N, S, S) of a baseline; random ones as coarse as the first method's."""
        n, side = len(self.inputs), self.inputs.shape[-1]
        if name == baselines.CENTRE:
            return baselines.centre_maps(n, side)
        return self.enlarged(baselines.random_maps(n, map_hw, self.examined.seed))

    def repeated(self, method: str) -> torch.Tensor:
        """The faces that the method is repeated on, prepared."""
        return self.inputs[: self.examined.repeats(method, len(self.inputs))]

    def on_network(self, method: str) -> Callable[[nn.Module], Maps]:
        """The method as a function of the network, for the repeated faces."""
        few = self.repeated(method)
        return lambda network: self.made(method, network, few)[0]

    def on_inputs(self, method: str) -> Callable[[torch.Tensor], Maps]:
        """The method as a function of the prepared faces, enlarged."""
        return lambda inputs: self.enlarged(self.made(method, inputs=inputs)[0])

    def measured(self, maps: Maps) -> tuple[Values, dict[str, Curves]]:
        """Everything that can be measured of maps alone, by names of `MEASURES`; and the curves."""
        order = baselines.ranks(maps, self.examined.seed)
        curves = {
            name: removal_curves(self.answer, self.inputs, self.targets, order, other)
            for name, other in self.empty.items()
        }
        values: Values = {"road": road.road(self.answer, self.inputs, self.targets, order, self.examined.seed)}
        for name, found in curves.items():
            values[f"deletion, {name}"] = found.deletion_area()
            values[f"insertion, {name}"] = found.insertion_area()
        if self.evidence is not None:
            values["pointing"] = truth.pointing(maps, self.evidence)
            values["mass"] = truth.mass_density(maps, self.evidence)
        known = {measure.name for measure in MEASURES}
        return {name: one for name, one in values.items() if name in known}, curves
