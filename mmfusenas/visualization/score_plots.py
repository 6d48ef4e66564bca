"""The scores of several methods beside each other, as figures."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

WIDTH = 3.0


def plot_scores(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw every metric twice: a box a method, and how many per cent of the images reach at most each value.

    The upper row is the form of TIM's fig. 6 (green triangle: mean, orange line: median), the lower one that of
    fig. 11: the further right a curve, the better, where higher is better.

    Args:
        scores: Values of the images by method and by metric; every method has the same metrics.
    """
    methods, metrics = list(scores), list(next(iter(scores.values())))
    figure = Figure(figsize=(WIDTH * len(metrics), 2 * WIDTH), layout='constrained')
    axes = figure.subplots(2, len(metrics), squeeze=False)
    for (boxes, curves), metric in zip(axes.T, metrics):
        values = [np.asarray(scores[method][metric]) for method in methods]
        boxes.boxplot(values, tick_labels=methods, showmeans=True)
        boxes.tick_params('x', rotation=45)
        boxes.set_title(metric)
        for method, series in zip(methods, values):
            percent = np.arange(1, len(series) + 1) / len(series) * 100
            curves.plot(np.sort(series), percent, marker='.', label=method)
        curves.set(xlabel=metric, ylim=(0, 102))
    axes[1, 0].set_ylabel('images with at most this, %')
    figure.legend(*axes[1, 0].get_legend_handles_labels(), loc='outside lower center', ncols=len(methods))
    return figure


def plot_precision_recall(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw precision over recall, the mean of the classes first and then each class, a line a detector.

    Args:
        curves: Precision at evenly spaced recalls from 0 to 1, by detector and by class; every detector has the same
            classes.
    """
    detectors, classes = list(curves), list(next(iter(curves.values())))
    panels = ['mean', *classes] if len(classes) > 1 else classes
    figure = Figure(figsize=(WIDTH * len(panels), WIDTH + 0.5), layout='constrained')
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        for detector in detectors:
            found = curves[detector]
            values = np.mean(list(found.values()), axis=0) if panel == 'mean' else np.asarray(found[panel])
            axes.plot(np.linspace(0, 1, len(values)), values, label=f'{detector} ({values.mean():.3f})')
        axes.set(title=panel, xlabel='recall', ylabel='precision', xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(fontsize='small', loc='lower left')
    return figure
