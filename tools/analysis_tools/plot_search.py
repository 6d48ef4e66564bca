"""Draw what a search did and found: ``python tools/analysis_tools/plot_search.py work_dirs/SEARCH``."""
import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from mmfusenas.core.errors import UserError
from mmfusenas.core.files import parse_json
from mmfusenas.nas import Genotype
from mmfusenas.utils.command_line import command, existing_file, run_tool
from mmfusenas.visualization.search_plots import (
    graphs,
    parse_stage,
    plot_cell_graph,
    plot_chain,
    plot_curves,
    plot_distillation_cell,
    plot_health,
    plot_probabilities,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Draw the history of a search (WORK_DIR/search.json) and what it found (WORK_DIR/genotype.json).',
        epilog='example: python tools/analysis_tools/plot_search.py work_dirs/retinanet_ivif_search. It works '
               'while the search still runs, too: its files are rewritten after every epoch.')
    parser.add_argument('work_dir', help='work dir of a search')
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
    for k, ((module, _), names) in enumerate(groups.items(), start=1):
        yield f'probabilities_{k}_{module}', plot_probabilities(history, names)
    yield 'curves', plot_curves(history)
    if any('health' in entry for entry in history['epochs']):
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
    work_dir = Path(parse_args().work_dir)
    history = read_history(work_dir / 'search.json')
    found = work_dir / 'genotype.json'
    genotype = Genotype.load(found) if found.is_file() else None
    (work_dir / 'plots').mkdir(exist_ok=True)
    for name, figure in figures(history, genotype):
        path = work_dir / 'plots' / f'{name}.png'
        figure.savefig(path, dpi=120)
        print(path)
    if genotype is None:
        print(f'{found} does not exist (yet), so what was found is not drawn.')
    retrain = work_dir / 'retrain.py'
    print(f'\ndone; next:\n  {command("python", "tools/train.py", retrain if retrain.is_file() else "CONFIG")}')


if __name__ == '__main__':
    run_tool(main)
