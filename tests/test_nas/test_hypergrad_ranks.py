"""Two ranks with batch n give the hyper-gradient of one with batch 2n. Run as a script, this file is one such rank."""
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import distributed as dist
from torch import nn

from kits.hypergrad import ALL, Quadratic
from mmfusenas.nas.hypergrad.vectors import average
from mmfusenas.registry import SEARCH_STRATEGIES


def hyper_gradients(part: slice) -> dict[str, list]:
    """Every strategy's gradients and log of a small network on the rows ``part`` of its batches."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    alpha = torch.tensor([0.4, -0.3], dtype=torch.float64)
    upper_x, lower_x = torch.randn(2, 8, 3, dtype=torch.float64)
    upper_y, lower_y = torch.randn(2, 8, 1, dtype=torch.float64)

    def loss(x, y):
        weights = alpha.softmax(0)
        return (weights[0] * net(x[part]) + weights[1] * net(x[part]).sin() - y[part]).square().mean()

    inner = dict(lr=0.1, momentum=0.9, weight_decay=0.01, momentum_buffers=[0.1 * p for p in net.parameters()])
    found = {}
    for name, cfg in ALL.items():
        grads, log = SEARCH_STRATEGIES.build(cfg)(
            lambda: loss(upper_x, upper_y), lambda: loss(lower_x, lower_y), [alpha], list(net.parameters()),
            inner=inner)
        found[name] = [grads, log]
    return found


def run_rank(rank: int, folder: Path) -> None:
    dist.init_process_group('gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=2)
    found = hyper_gradients(slice(4 * rank, 4 * rank + 4))
    weights = [torch.zeros(2), torch.zeros(()), torch.zeros(3)]
    # Of three weights one is used by both ranks, one by rank 1 alone, one by none.
    mine = [torch.full((2,), 1.0 + rank), torch.tensor(5.0) if rank else None, None]
    torch.manual_seed(rank)
    chance, _ = SEARCH_STRATEGIES.build(dict(type='RandomChoice'))(*Quadratic().call)
    torch.save(dict(found=found, average=average(mine, weights), chance=chance), folder / f'{rank}.pth')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def ranks(tmp_path_factory, ended):
    folder = tmp_path_factory.mktemp('ranks')
    processes = [subprocess.Popen([sys.executable, __file__, str(rank), str(folder)], stderr=subprocess.PIPE, text=True)
                 for rank in range(2)]
    for process in processes:
        ended(process)
    return [torch.load(folder / f'{rank}.pth') for rank in range(2)]


@pytest.mark.parametrize('name', ALL)
def test_two_ranks_equal_one_with_twice_the_batch(ranks, name):
    grads, log = hyper_gradients(slice(None))[name]
    for rank in ranks:
        torch.testing.assert_close(rank['found'][name][0], grads, rtol=1e-6, atol=0)
        assert rank['found'][name][1].keys() == log.keys()
        for key, value in log.items():
            torch.testing.assert_close(rank['found'][name][1][key], value, rtol=1e-6, atol=1e-12)
    assert torch.equal(ranks[0]['found'][name][0][0], ranks[1]['found'][name][0][0])


def test_average_keeps_none_only_where_no_rank_has_a_gradient(ranks):
    for rank in ranks:
        both, one, none = rank['average']
        assert both.tolist() == [1.5, 1.5] and one.tolist() == 2.5 and one.shape == () and none is None


def test_chance_is_the_same_in_all_processes(ranks):
    assert torch.equal(ranks[0]['chance'][0], ranks[1]['chance'][0])


if __name__ == '__main__':
    torch.set_num_threads(1)
    run_rank(int(sys.argv[1]), Path(sys.argv[2]))
