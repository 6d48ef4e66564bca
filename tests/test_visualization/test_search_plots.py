"""Figures of a search."""
import pytest
import torch
from matplotlib.figure import Figure

from mmfusenas.visualization.pareto_plot import plot_pareto
from mmfusenas.visualization.search_plots import (
    graphs,
    plot_cell_graph,
    plot_chain,
    plot_cost_and_scores,
    plot_curves,
    plot_distillation_cell,
    plot_probabilities,
)

HISTORY = dict(
    choices={'cells.0.type': dict(candidates=['a', 'b']), 'cells.1.type': dict(candidates=['a', 'b'])},
    epochs=[
        dict(epoch=e, iteration=9 * e, entropy=0.6 / e, upper_loss=None if e == 1 else 3.0,
             expected_cost=dict(macs=5e9 / e),
             probabilities={'cells.0.type': [0.2 * e, 1 - 0.2 * e], 'cells.1.type': [0.5, 0.5]})
        for e in (1, 2, 3)])


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_probabilities_are_those_of_the_history() -> None:
    figure = plot_probabilities(HISTORY, ['cells.0.type', 'cells.1.type'])
    assert [axes.get_title() for axes in figure.axes] == ['cells.0.type', 'cells.1.type']
    first, second, uniform = figure.axes[0].lines
    assert first.get_xdata().tolist() == [1, 2, 3] and first.get_ydata() == pytest.approx([0.2, 0.4, 0.6])
    assert second.get_ydata() == pytest.approx([0.8, 0.6, 0.4])
    assert uniform.get_ydata() == [0.5, 0.5] and uniform.get_linestyle() == '--'
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['a', 'b', 'uniform']


def test_probabilities_are_on_one_scale_which_is_that_of_the_data() -> None:
    epochs = [dict(epoch=e, probabilities=dict(one=[0.5, 0.5], other=[0.5 + 0.01 * e, 0.5 - 0.01 * e]))
              for e in (1, 2)]
    history = dict(choices={name: dict(candidates=['a', 'b']) for name in ('one', 'other')}, epochs=epochs)
    low, high = limits = plot_probabilities(history, ['one', 'other']).axes[0].get_ylim()
    assert 0.47 < low < 0.48 and 0.52 < high < 0.53
    assert limits == plot_probabilities(history, ['one', 'other']).axes[1].get_ylim()


def test_curves_show_every_number_of_an_epoch_and_pass_over_missing_ones() -> None:
    axes = {axes.get_title(): axes.lines[0] for axes in plot_curves(HISTORY).axes}
    assert list(axes) == ['entropy', 'expected cost.macs', 'upper loss']
    assert axes['upper loss'].get_xdata().tolist() == [2, 3]
    assert axes['expected cost.macs'].get_ydata() == pytest.approx([5e9, 2.5e9, 5e9 / 3])


def test_curves_of_a_searched_loss_show_every_weight() -> None:
    epochs = [dict(epoch=k, probabilities={}, weights={'loss.weights': dict(l1=1.0 + k, ssim=0.5)}) for k in (1, 2)]
    axes = {axes.get_title(): axes.lines[0] for axes in plot_curves(dict(choices={}, epochs=epochs)).axes}
    assert axes['weights.loss.weights.l1'].get_ydata().tolist() == [2.0, 3.0]
    assert axes['weights.loss.weights.ssim'].get_ydata().tolist() == [0.5, 0.5]


def test_every_score_stands_against_the_size_of_what_was_found_in_its_epoch() -> None:
    scores = {'coco/bbox_mAP': [(1, 0.1), (2, 0.3), (4, 0.4)], 'mIoU': [(1, float('nan')), (2, 0.5)], 'MI': [(4, 1.0)]}
    figure = plot_cost_and_scores({1: 900, 2: 700, 3: 800}, scores)
    drawn = {axes.get_title(): axes.collections[0] for axes in figure.axes[:-1]}  # the last one is the colour bar
    assert {name: points.get_offsets().tolist() for name, points in drawn.items()} == {
        'coco/bbox mAP': [[900, 0.1], [700, 0.3]], 'mIoU': [[700, 0.5]]}
    assert {name: points.get_array().tolist() for name, points in drawn.items()} == {
        'coco/bbox mAP': [1, 2], 'mIoU': [2]}
    assert {points.get_clim() for points in drawn.values()} == {(1, 2)}  # an epoch has one colour
    assert {axes.get_xlabel() for axes in figure.axes[:-1]} == {'parameters'}
    assert plot_cost_and_scores({}, scores) is None and plot_cost_and_scores({1: 900}, {}) is None


def test_graph_has_a_node_for_each_and_names_every_edge() -> None:
    figure = plot_cell_graph('cell', {(0, 1): 'conv_3', (0, 2): 'skip', (1, 2): 'res_5'})
    assert texts(figure) == ['input', '1', '2', 'concat 1-2,\nconv 1 x 1', 'conv_3', 'skip', 'res_5']
    assert len(figure.axes[0].patches) == 4  # three edges, and the way out


def test_chain_has_a_box_for_each_stage() -> None:
    figure = plot_chain('net', {'0': ['type: successive', 'ops.0: rb_3'], '1': ['type: multi_scale']})
    assert texts(figure) == ['input', '0\ntype: successive\nops.0: rb_3', '1\ntype: multi_scale', 'output']
    assert len(figure.axes[0].patches) == 3


def test_a_distillation_cell_has_its_own_form() -> None:
    figure = plot_distillation_cell('cell', [f'o{k}' for k in range(1, 8)])
    shown = texts(figure)
    assert [text for text in shown if text.startswith('o')] == [
        'o1', 'o2, + input', 'o3', 'o4, + input', 'o5', 'o6, + input', 'o7']
    assert {'input', 'r1', 'r4', 'd3'} < set(shown) and len(figure.axes[0].patches) == 7 + 4


def test_every_path_of_a_search_and_the_front_of_the_best() -> None:
    costs, scores = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([1.0, 2.0, 4.0])
    axes, = plot_pareto(costs, scores, 2.5, 'parameters', 'loss').axes
    assert axes.collections[0].get_offsets().tolist() == [[3, 1], [1, 2], [2, 4]]
    front, limit = axes.lines
    assert front.get_xydata().tolist() == [[1, 2], [3, 1]] and list(limit.get_xdata()) == [2.5, 2.5]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ('parameters', 'loss')


def test_choices_are_sorted_into_graphs_and_chains() -> None:
    cells, chains = graphs({'scene.cells.1.type': 'successive', 'scene.cells.1.successive.ops.0': 'rb_3', 'op': 'skip',
                            'task.neck.cells.2.edges.1_3': 'conv_1'})
    assert cells == {'task.neck.cells.2': {(1, 3): 'conv_1'}}
    assert chains == {'scene.cells': {'1': ['type: successive', 'successive.ops.0: rb_3']}, '': {'op': ['skip']}}
