"""Figures of the history of a search and of the network found."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from mmfusenas.nas.health import NOISE

COLUMNS = 4
BEND = 0.55  # height of an arc's control point over its width


def plot_probabilities(history: Mapping[str, Any], names: Sequence[str]) -> Figure:
    """Draw the probabilities of choices over the epochs, one small diagram a choice, all on one scale.

    A thin dashed line is the probability of a uniform choice, at which all begin.

    Args:
        history: ``search.json``.
        names: Choices to draw, all of the same candidates, two or more.
    """
    columns = min(COLUMNS, len(names))
    rows = ceil(len(names) / columns)
    # Wide enough for the legend below a single diagram.
    figure = Figure(figsize=(max(3.4 * columns, 5), 2.2 * rows + 1), layout='constrained')
    epochs = [entry['epoch'] for entry in history['epochs']]
    shared = None
    for place, name in enumerate(names):
        axes = shared = figure.add_subplot(rows, columns, place + 1, sharey=shared)
        candidates = history['choices'][name]['candidates']
        series = zip(*(entry['probabilities'][name] for entry in history['epochs']))
        for k, (candidate, values) in enumerate(zip(candidates, series, strict=True)):
            axes.plot(epochs, values, color=f'C{k % 10}', linestyle=('-', ':')[k // 10 % 2],
                      marker='.' if len(epochs) < 30 else None, label=candidate)
        axes.axhline(1 / len(candidates), color='0.3', linewidth=0.8, linestyle='--', label='uniform')
        axes.set_xlabel('epoch')
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(name, fontsize=9)
    figure.supylabel('probability', fontsize=10)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=min(2 * columns, 6), fontsize=8)
    return figure


def plot_curves(history: Mapping[str, Any]) -> Figure:
    """Draw every number that the search kept of each epoch: entropy, losses, expected costs."""
    curves = defaultdict(list)
    for entry in history['epochs']:
        for name, value in _flat(entry):
            curves[name].append((entry['epoch'], value))
    return plot_grid(curves, 'epoch')


def plot_grid(curves: Mapping[str, Sequence[tuple[int, float]]], xlabel: str) -> Figure:
    """Draw curves of points (x, y), a small diagram each."""
    rows = ceil(len(curves) / COLUMNS)
    figure = Figure(figsize=(3.4 * COLUMNS, 2.6 * rows), layout='constrained')
    for place, (name, points) in enumerate(curves.items(), start=1):
        axes = figure.add_subplot(rows, COLUMNS, place)
        axes.plot(*zip(*points), marker='.' if len(points) < 30 else None)
        axes.set(xlabel=xlabel, title=name.replace('_', ' '))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    return figure


def plot_cost_and_loss(history: Mapping[str, Any]) -> Figure | None:
    """Draw the expected cost against the upper loss, an epoch a point; None where a search has no cost or loss.

    Args:
        history: ``search.json``; of several costs the first is drawn.
    """
    points = [(cost, entry['upper_loss'], entry['epoch']) for entry in history['epochs']
              for cost in list((entry.get('expected_cost') or {}).values())[:1] if 'upper_loss' in entry]
    if not points:
        return None
    name = next(iter(history['epochs'][-1]['expected_cost']))
    costs, losses, epochs = zip(*points)
    figure = Figure(figsize=(5.5, 4), layout='constrained')
    axes = figure.add_subplot()
    axes.plot(costs, losses, color='0.8', zorder=1)
    colours = axes.scatter(costs, losses, c=epochs, zorder=2)
    axes.set(xlabel=f'expected {name}'.replace('_', ' '), ylabel='upper loss')
    figure.colorbar(colours, label='epoch')
    return figure


def plot_cost_and_scores(parameters: Mapping[int, float],
                         scores: Mapping[str, Sequence[tuple[int, float]]]) -> Figure | None:
    """Draw each validation score of a search against the size of what it would have found, an epoch a point.

    Args:
        parameters: Parameters of the network found after an epoch, by epoch.
        scores: Points (epoch, score) by name. Those that are no numbers are left out.

    Returns:
        A small diagram a score; None where no epoch has both.
    """
    panels = {name: [(parameters[epoch], score, epoch) for epoch, score in points
                     if epoch in parameters and isfinite(score)] for name, points in scores.items()}
    panels = {name: points for name, points in panels.items() if points}
    if not panels:
        return None
    rows, columns = ceil(len(panels) / COLUMNS), min(COLUMNS, len(panels))
    figure = Figure(figsize=(3.4 * columns + 0.8, 2.6 * rows), layout='constrained')
    epochs = [epoch for points in panels.values() for _, _, epoch in points]
    for place, (name, points) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        sizes, values, colours = zip(*points)
        axes.plot(sizes, values, color='0.8', zorder=1)
        drawn = axes.scatter(sizes, values, c=colours, vmin=min(epochs), vmax=max(epochs), zorder=2)
        axes.set(xlabel='parameters', title=name.replace('_', ' '))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    figure.colorbar(drawn, ax=figure.axes, label='epoch', ticks=MaxNLocator(integer=True), fraction=0.04)
    return figure


def plot_health(history: Mapping[str, Any]) -> Figure:
    """Draw whether the gradients of the choices were a signal (:class:`SearchHealth`), beside the entropy.

    Panels: the mean cosine between steps, and between the batches of a step where there were several; the drift, with
    what it is above of a search that goes somewhere; signal over noise of each choice, and their median; the entropy.

    Args:
        history: ``search.json``, with a ``cosine`` in the ``health`` of one epoch at least.
    """
    epochs = [entry for entry in history['epochs'] if 'cosine' in entry.get('health', {})]
    numbers = [entry['epoch'] for entry in epochs]
    figure = Figure(figsize=(3.4 * COLUMNS, 3), layout='constrained')
    cosine, drift, signal, entropy = figure.subplots(1, COLUMNS)
    cosine.plot(numbers, [entry['health']['cosine'] for entry in epochs], marker='.', label='between steps')
    batches = [(entry['epoch'], entry['batch_cosine']) for entry in epochs if 'batch_cosine' in entry]
    if batches:
        cosine.plot(*zip(*batches), marker='.', label='between batches')
    cosine.axhline(0, color='0.6', linewidth=0.8)
    cosine.set(title='cosine of gradients')
    cosine.legend(fontsize=8)
    drift.plot(numbers, [entry['health']['drift'] for entry in epochs], marker='.')
    drift.axhline(1, color='0.6', linewidth=0.8, label='random directions')
    drift.axhline(NOISE, color='C3', linewidth=0.8, linestyle='--', label='warned of below')
    drift.set(title='drift', yscale='log')
    drift.legend(fontsize=8)
    for name in dict.fromkeys(name for entry in epochs for name in entry['health']['signal']):
        signal.plot(*zip(*((entry['epoch'], entry['health']['signal'][name]) for entry in epochs
                           if name in entry['health']['signal'])), color='0.7', linewidth=0.8)
    signal.plot(numbers, [median(entry['health']['signal'].values()) for entry in epochs], marker='.', label='median')
    signal.set(title='signal over noise of the choices')
    signal.legend(fontsize=8)
    entropy.plot(numbers, [entry['entropy'] for entry in epochs], marker='.')
    entropy.set(title='entropy')
    for axes in figure.axes:
        axes.set_xlabel('epoch')
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def plot_cell_graph(name: str, edges: Mapping[tuple[int, int], str]) -> Figure:
    """Draw a feature-distillation cell: its nodes, and the operator found on every edge.

    Args:
        name: Title.
        edges: Operator by (from, to); node 0 is the input, and the nodes from 1 on are concatenated.
    """
    last = max(node for edge in edges for node in edge)
    figure = Figure(figsize=(1.9 * (last + 2), 1.9 * (BEND * last + 0.9)), layout='constrained')
    axes = _blank(figure, name)
    boxes = {0: _box(axes, 0, 'input', 'lightsteelblue')}
    boxes.update({node: _box(axes, node, str(node), 'white') for node in range(1, last + 1)})
    boxes[last + 1] = _box(axes, last + 1, f'concat 1-{last},\nconv 1 x 1', 'wheat')
    axes.set(xlim=(-0.4, last + 1.5), ylim=(-BEND * last / 2 - 0.2, BEND * last / 2 + 0.2), aspect='equal')
    figure.draw_without_rendering()  # arrows end at the boxes, whose sizes are known only now
    for (i, j), operator in edges.items():
        # Above the nodes from even ones, below from odd ones; straight to the neighbour.
        bend = 0 if j == i + 1 else BEND * (1 - 2 * (i % 2))
        _arrow(axes, boxes[i], boxes[j], bend)
        height = bend * (j - i) / 2 if bend else 0.1
        axes.text((i + j) / 2, height, operator, ha='center', va='center', fontsize=9, zorder=2,
                  bbox=dict(facecolor='white', edgecolor='none', pad=1))
    _arrow(axes, boxes[last], boxes[last + 1])
    return figure


def plot_distillation_cell(name: str, operators: Sequence[str]) -> Figure:
    """Draw a cell of RUAS (:class:`DistillationCell`): above what goes on, below what is distilled on the way.

    Args:
        name: Title.
        operators: o1 to o7.
    """
    figure = Figure(figsize=(9.5, 3.6), layout='constrained')
    axes = _blank(figure, name)
    boxes = {'x': _box(axes, 0, 'input', 'lightsteelblue')}
    boxes.update({f'r{k}': _box(axes, 1.5 * k, f'r{k}', 'white') for k in range(1, 5)})
    boxes.update({f'd{k}': _box(axes, 1.5 * k, f'd{k}', 'white', -1) for k in range(1, 4)})
    boxes['out'] = _box(axes, 7.5, 'concat\nd1 d2 d3 r4,\nconv 1 x 1', 'wheat', -1)
    axes.set(xlim=(-0.5, 8.4), ylim=(-2, 0.5))
    figure.draw_without_rendering()
    edges = [('x', 'd1'), ('x', 'r1'), ('r1', 'd2'), ('r1', 'r2'), ('r2', 'd3'), ('r2', 'r3'), ('r3', 'r4')]
    for (first, second), operator in zip(edges, operators, strict=True):
        _arrow(axes, boxes[first], boxes[second])
        (x, y), (to_x, to_y) = boxes[first].get_position(), boxes[second].get_position()
        text = f'{operator}, + input' if second in ('r1', 'r2', 'r3') else operator
        axes.text((x + to_x) / 2, (y + to_y) / 2 + (0.13 if y == to_y else 0), text, ha='center', va='center',
                  fontsize=8, zorder=2, bbox=dict(facecolor='white', edgecolor='none', pad=1))
    for k, bend in (('r4', 0), ('d3', 0), ('d2', -0.25), ('d1', -0.3)):
        _arrow(axes, boxes[k], boxes['out'], bend)
    return figure


def plot_chain(name: str, stages: Mapping[str, Sequence[str]]) -> Figure:
    """Draw a network as a chain of stages, each a box with what was chosen in it, in order.

    Args:
        name: Title.
        stages: Lines of text by stage.
    """
    figure = Figure(figsize=(2.8 * (len(stages) + 2), 2.2), layout='constrained')
    axes = _blank(figure, name)
    axes.set(xlim=(-0.5, len(stages) + 1.5), ylim=(-1, 1))
    boxes = [_box(axes, 0, 'input', 'lightsteelblue')]
    boxes += [_box(axes, place, '\n'.join([stage, *lines]), 'white')
              for place, (stage, lines) in enumerate(stages.items(), start=1)]
    boxes.append(_box(axes, len(boxes), 'output', 'lightsteelblue'))
    figure.draw_without_rendering()
    for first, second in zip(boxes, boxes[1:]):
        _arrow(axes, first, second)
    return figure


def graphs(choices: Mapping[str, str]) -> tuple[dict[str, dict[tuple[int, int], str]], dict[str, dict[str, list[str]]]]:
    """Sort a genotype's choices into cells that are graphs and chains of stages.

    A choice ``<cell>.edges.<i>_<j>`` is an edge of a graph; the others are stages of chains (:func:`parse_stage`).

    Returns:
        Edges by cell, and lines of text by chain and stage.

    Example:
        >>> graphs({'neck.cells.0.edges.0_1': 'skip', 'scene.cells.0.type': 'successive'})
        ({'neck.cells.0': {(0, 1): 'skip'}}, {'scene.cells': {'0': ['type: successive']}})
    """
    cells: dict[str, dict] = defaultdict(dict)
    chains: dict[str, dict] = defaultdict(lambda: defaultdict(list))
    for name, candidate in choices.items():
        cell, found, edge = name.rpartition('.edges.')
        if found:
            i, j = edge.split('_')
            cells[cell][int(i), int(j)] = candidate
            continue
        module, stage, what = parse_stage(name)
        chains[module][stage].append(f'{what}: {candidate}' if what else candidate)
    return dict(cells), {name: dict(stages) for name, stages in chains.items()}


def parse_stage(choice: str) -> tuple[str, str, str]:
    """Split a choice's name at its first number: module, stage, and what is chosen there.

    Example:
        >>> parse_stage('scene.cells.0.successive.ops.1')
        ('scene.cells', '0', 'successive.ops.1')
    """
    parts = choice.split('.')
    number = next((place for place, part in enumerate(parts) if part.isdigit()), len(parts) - 1)
    return '.'.join(parts[:number]), parts[number], '.'.join(parts[number + 1:])


def _flat(entry: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the numbers of an epoch's entry by name; those of nested dicts as ``outer.inner``."""
    numbers = []
    for name, value in entry.items():
        if name in ('epoch', 'iteration', 'probabilities', 'health') or value is None:
            continue
        numbers += [(f'{name}.{key}', x) for key, x in _flat(value)] if isinstance(value, Mapping) else [(name, value)]
    return numbers


def _box(axes: Axes, place: float, text: str, colour: str, height: float = 0) -> Text:
    return axes.text(place, height, text, ha='center', va='center', zorder=3, fontsize=9,
                     bbox=dict(boxstyle='round,pad=0.4', edgecolor='0.3', facecolor=colour))


def _arrow(axes: Axes, first: Text, second: Text, bend: float = 0) -> None:
    axes.add_patch(FancyArrowPatch(
        first.get_position(), second.get_position(), patchA=first.get_bbox_patch(), patchB=second.get_bbox_patch(),
        connectionstyle=f'arc3,rad={-bend}', arrowstyle='-|>', mutation_scale=12, color='0.4'))


def _blank(figure: Figure, title: str) -> Axes:
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_axis_off()
    return axes
