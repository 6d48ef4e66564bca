"""``mmfusenas COMMAND ...``: the tools, from wherever the package is installed."""
from __future__ import annotations

import re
import sys
from pathlib import Path

from mmfusenas.core.names import nearest
from mmfusenas.version import __version__

COMMANDS = {
    'train': 'train',
    'test': 'test',
    'infer': 'infer',
    'new-config': 'new_config',
    'derive': 'derive',
    'export': 'deployment/export_onnx',
    'benchmark': 'analysis_tools/compare_methods',
    'browse-dataset': 'analysis_tools/browse_dataset',
    'build-latency-table': 'analysis_tools/build_latency_table',
    'check-dataset': 'analysis_tools/check_dataset',
    'estimate-homography': 'analysis_tools/estimate_homography',
    'flops': 'analysis_tools/get_flops',
    'fusion-metrics': 'analysis_tools/fusion_metrics',
    'plot-search': 'analysis_tools/plot_search',
    'probe-space': 'analysis_tools/probe_space',
    'quantize': 'deployment/quantize_onnx',
    'sample-genotype': 'analysis_tools/sample_genotype',
    'make-split': 'dataset_converters/make_split',
    'publish-model': 'model_converters/publish_model',
    'to-coco': 'dataset_converters/to_coco',
}
"""Scripts below ``tools/``, by command."""

TOOLS = Path(__file__).parent / '.mim/tools'
"""The tools as they are installed, beside ``.mim/configs``; in a checkout both are links."""


def as_typed(text: str) -> str:
    """Return a text with tools and configs named as they were called: ``mmfusenas train`` where that is what runs."""
    if not sys.argv[0].startswith('mmfusenas '):
        return text
    scripts = {script: name for name, script in COMMANDS.items()}
    text = re.sub(r'(?:python )?\btools/([a-z_/]+)\.py',
                  lambda found: f'mmfusenas {scripts[found[1]]}' if found[1] in scripts else found[0], text)
    return re.sub(r'(?<![\w/])configs/(?=\w+/[\w-]+\.py)', 'mmfusenas::', text)


def main(argv: list[str] | None = None) -> None:
    """Run the script of a command with the other words.

    Args:
        argv: The command and its words. Defaults to those that were typed.
    """
    name, *words = (sys.argv[1:] if argv is None else argv) or ['--help']
    if name in ('-h', '--help'):
        print('usage: mmfusenas COMMAND ...\n\ncommands, each with its --help:\n  ' + '\n  '.join(COMMANDS) +
              '\n\nA config is a file, or one that the package brings: mmfusenas::tim/retinanet_ivif.py')
        return
    if name == '--version':
        print(__version__)
        return
    if name not in COMMANDS:
        sys.exit(f'error: mmfusenas has no command {name!r}{nearest(name, COMMANDS)}. See mmfusenas --help.')
    sys.argv = [f'mmfusenas {name}', *words]
    script = TOOLS / f'{COMMANDS[name]}.py'
    # As a script is run, but with the name of the command in its help, which runpy would take away.
    exec(compile(script.read_text(), script, 'exec'), {'__name__': '__main__', '__file__': str(script)})


if __name__ == '__main__':
    main()
