"""Draw what a search did and found: ``python tools/analysis_tools/plot_search.py work_dirs/SEARCH``.

With ``--html`` one page of a search or of a training: curves, probabilities, what was found, its cost, the last images.
"""
import argparse
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from mmfusenas.apis.next_commands import search_commands, training_commands
from mmfusenas.core.errors import UserError
from mmfusenas.core.files import parse_json, write_text
from mmfusenas.nas import Genotype
from mmfusenas.nas.health import conclusion
from mmfusenas.utils.command_line import existing_file, run_tool
from mmfusenas.visualization.report import embedded, last_images, page, read_scalars, table
from mmfusenas.visualization.search_plots import (
    graphs,
    parse_stage,
    plot_cell_graph,
    plot_chain,
    plot_cost_and_loss,
    plot_cost_and_scores,
    plot_curves,
    plot_distillation_cell,
    plot_grid,
    plot_health,
    plot_probabilities,
)

COSTS = ('cost_and_loss', 'cost_and_scores')
"""Figures of cost against score."""
CAPTIONS = dict(
    probabilities='the probability of every candidate after each epoch, a diagram a choice. The scale is that of what '
    'is drawn. The dashed line is a uniform choice, where all begin: a choice is decided where one line is at a '
    'multiple of it, and open where all are near it, as those inside a candidate that was not chosen. Choices of one '
    'candidate are left out.',
    curves='the last value of each epoch of what the search measured in its steps on the choices. The entropy is the '
    'mean of the choices: it begins at the logarithm of the number of candidates, and is 0 when all are decided.',
    health='whether the gradients of the choices agree from step to step. Those of noise have a cosine of 0 and a '
    'drift at the grey line; those of a search that goes somewhere have a drift above the red one.',
    cost_and_loss='a point is an epoch, the brighter the later: the expected cost of the choices, and the loss that '
    'they follow. The lower left is best.',
    cost_and_scores='a point is an epoch, the brighter the later. Its score is that of the supernet, with its choices '
    'as they were. Its cost is that of the network that would have been derived then.',
    pareto='a point is a network that was tried, the lower the better. The dashed line is the most that one may cost; '
    'no network is cheaper and better than those of the front.',
    found='what was found: each arrow or box has the operators that were chosen there.',
    training='what the training logged, by iteration.',
    validation='the scores of the validations, by epoch; in a search those of the supernet.')
"""How to read a figure, by the beginning of its name."""
NO_SCORES = ('<p>Not drawn: no epoch has a validation score and a genotype with costs, and no expected cost was logged.'
             '</p>\n')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Draw the history of a search (WORK_DIR/search.json) and what it found (WORK_DIR/genotype.json).',
        epilog='Example: python tools/analysis_tools/plot_search.py work_dirs/retinanet_ivif_search. It works '
               'while the search still runs, too: its files are rewritten after every epoch.')
    parser.add_argument('work_dir', help='work dir of a search, with --html also of a training')
    parser.add_argument('--html', action='store_true',
                        help='also write WORK_DIR/plots/index.html, one page that needs no other file')
    return parser.parse_args()


def read_history(path: Path) -> dict:
    """Read ``search.json``.

    Raises:
        UserError: It is missing, holds no epoch, or is no history of a search.
    """
    existing_file(path, 'History')
    history = parse_json(path.read_bytes(), str(path))
    try:
        names = [set(entry['probabilities']) for entry in history['epochs']]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f'{path} is no history of a search ({type(error).__name__}: {error}).') from error
    if not names or names[0] != set(history['choices']):
        raise UserError(f'{path} holds no epoch yet, or the choices of another search.')
    return history


def figures(history: dict, genotype: Genotype | None) -> Iterator[tuple[str, Figure]]:
    """Yield the figures and their names."""
    groups = defaultdict(list)
    for name, choice in history['choices'].items():
        groups[parse_stage(name)[0], tuple(choice['candidates'])].append(name)
    open_groups = [(module, names) for (module, candidates), names in groups.items() if len(candidates) > 1]
    for k, (module, names) in enumerate(open_groups, start=1):
        yield f'probabilities_{k}_{module}', plot_probabilities(history, names)
    yield 'curves', plot_curves(history)
    cost = plot_cost_and_loss(history)
    if cost:
        yield 'cost_and_loss', cost
    if any('cosine' in entry.get('health', {}) for entry in history['epochs']):
        yield 'health', plot_health(history)
    cells, chains = graphs(genotype.choices if genotype else {})
    for name, edges in cells.items():
        yield f'found_{name}', plot_cell_graph(name, edges)
    for name, stages in chains.items():
        if name.endswith('cell.ops') and len(stages) == 7:
            yield f'found_{name}', plot_distillation_cell(name, [lines[0] for lines in stages.values()])
        else:
            yield f'found_{name}', plot_chain(name, stages)


def main() -> None:
    """Plot."""
    args = parse_args()
    work_dir = Path(args.work_dir)
    scalars, scores = (read_scalars(work_dir, validation) if args.html else {} for validation in (False, True))
    history = None
    if (scalars or scores) and not (work_dir / 'search.json').is_file():
        drawn, tables, following = [], [], training_commands(work_dir)
    else:
        history = read_history(work_dir / 'search.json')
        found = work_dir / 'genotype.json'
        genotype = Genotype.load(found) if found.is_file() else None
        if genotype is None:
            print(f'{found} does not exist (yet), so what was found is not drawn.')
        drawn, tables = list(figures(history, genotype)), list(search_tables(history, genotype))
        cost = plot_cost_and_scores(found_parameters(work_dir, history), scores)
        drawn += [('cost_and_scores', cost)] if cost else []
        following = search_commands(work_dir, genotype)
    drawn += [(name, plot_grid(curves, step)) for name, curves, step in (
        ('training', scalars, 'iteration'), ('validation', scores, 'epoch')) if curves]
    (work_dir / 'plots').mkdir(exist_ok=True)
    files = [work_dir / 'plots' / f'{name}.png' for name, _ in drawn]
    for file, (_, figure) in zip(files, drawn, strict=True):
        figure.savefig(file, dpi=120)
        print(file)
    first = next(following)
    if args.html:
        lines = '\n'.join(f'# {purpose}\n{line}' for purpose, line in [first, *following])
        sections = [*tables, *image_sections(work_dir, files, searched=history is not None),
                    ('Next', f'<pre>{escape(lines)}</pre>')]
        write_text(work_dir / 'plots/index.html', page(work_dir.resolve().name, sections))
        print(work_dir / 'plots/index.html')
    print(f'\ndone; next:\n  {first[1]}')


def found_parameters(work_dir: Path, history: dict) -> dict[int, int]:
    """Return the parameters of the network found after an epoch, by epoch, as far as they are known."""
    files = {epoch: work_dir / f'genotypes/epoch_{epoch}.json' for epoch in (x['epoch'] for x in history['epochs'])}
    found = {epoch: Genotype.load(file).costs.get('parameters') for epoch, file in files.items() if file.is_file()}
    return {epoch: parameters for epoch, parameters in found.items() if parameters is not None}


def image_sections(work_dir: Path, files: list[Path], searched: bool) -> Iterator[tuple[str, str]]:
    """Yield heading and content of the images: figures, cost against score, the last images of the validation."""
    costs = [file for file in files if file.stem in COSTS]
    costs += [path for path in [work_dir / 'pareto.png'] if path.is_file()]  # of an evolution
    for heading, text, paths in (
            ('Figures', '', [file for file in files if file not in costs]),
            ('Cost against score', NO_SCORES if searched and not costs else '', costs)):
        if text or paths:
            yield heading, text + ''.join(embedded(path, caption(path.stem)) for path in paths)
    images = last_images(work_dir)
    if images:
        yield 'Last images', '<p>What the last validation drew of its samples.</p>\n' + ''.join(map(embedded, images))


def caption(name: str) -> str:
    """Return how to read a figure."""
    return next(text for beginning, text in CAPTIONS.items() if name.startswith(beginning))


def search_tables(history: dict, genotype: Genotype | None) -> Iterator[tuple[str, str]]:
    """Yield heading and content of the tables of a search: its likeliest candidates, and the cost of what it found."""
    last = history['epochs'][-1]
    rows = [[name, choice['candidates'][likeliest], f'{probabilities[likeliest]:.2f}', len(probabilities)]
            for name, choice in history['choices'].items() for probabilities in [last['probabilities'][name]]
            for likeliest in [probabilities.index(max(probabilities))]]
    undecided = conclusion(last.get('health', {}))
    note = f'<p><strong>{escape(undecided)}</strong></p>\n' if undecided else ''
    yield f'After epoch {last["epoch"]}', note + table(['choice', 'likeliest', 'probability', 'candidates'], rows)
    if genotype and genotype.costs:
        costs = [[name, f'{cost:,.4g}'] for name, cost in genotype.costs.items() if cost is not None]
        yield 'Cost of what was found', table(['cost', ''], costs)


if __name__ == '__main__':
    run_tool(main)
