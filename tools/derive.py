"""Derive what a search found: ``python tools/derive.py work_dirs/SEARCH/epoch_12.pth --out genotype.json``."""
import argparse
import json
from pathlib import Path

from mmfusenas.apis.deriving import compact_checkpoint, found_genotype, found_supernet, with_own_config
from mmfusenas.apis.loading import input_options
from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint
from mmfusenas.utils.command_line import command, existing_file, load_config, output_file, run_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Read the architecture that a search found out of its checkpoint.',
        epilog='example: python tools/derive.py work_dirs/retinanet_ivif_search/epoch_12.pth --out genotype.json '
               '--checkpoint derived.pth. In a config, genotype="genotype.json" (or "genotype.json#task.neck" for one '
               'part of the model) then builds the found network.')
    parser.add_argument('search', metavar='CHECKPOINT', help='checkpoint of a search')
    parser.add_argument('--out', required=True, metavar='GENOTYPE.json', help='file for the genotype')
    parser.add_argument(
        '--checkpoint', metavar='OUT.pth',
        help='file for the found network with the weights of the supernet; it rebuilds its model by itself')
    parser.add_argument(
        '--config', metavar='FILE', help='config of the search, where its parts come from outside (custom_imports), or '
        'the checkpoint does not hold the config of its model')
    return parser.parse_args()


def next_command(args: argparse.Namespace, inputs: str, from_outside: bool) -> str:
    """Return the command that is useful now: to look at what it does, or to train it from scratch."""
    retrain = Path(args.search).parent / 'retrain.py'
    if args.checkpoint:
        own = retrain if retrain.is_file() else 'CONFIG_OF_THE_FOUND_NETWORK'
        model = (own, args.checkpoint) if from_outside else ('--model', args.checkpoint)
        return f'{command("python", "tools/infer.py", *model)} {inputs} --out-dir FOLDER'
    return command('python', 'tools/train.py', retrain if retrain.is_file() else 'CONFIG')


def main() -> None:
    """Derive."""
    args = parse_args()
    output_file(args.out, args.search, args.config, args.checkpoint)
    if args.checkpoint:
        output_file(args.checkpoint, args.search, args.config)
    cfg = args.config and load_config(args.config)  # imports the parts from outside
    from_outside = bool(cfg and cfg.get('custom_imports'))
    content = load_checkpoint(existing_file(args.search, 'Checkpoint'))
    if cfg:
        content = with_own_config(content, cfg)
    supernet = found_supernet(content, args.search)
    genotype = found_genotype(supernet, content, args.search)
    if args.checkpoint:
        save_checkpoint(compact_checkpoint(content, supernet, genotype, args.search), args.checkpoint)
    genotype.save(args.out)
    print(json.dumps(genotype.choices, indent=2))
    print(f'{genotype.costs.get("parameters"):,} parameters; genotype in {args.out}')
    if args.checkpoint:
        print(f'network with inherited weights in {args.checkpoint}')
    print(f'\ndone; next:\n  {next_command(args, input_options(supernet), from_outside)}')


if __name__ == '__main__':
    run_tool(main)
