"""Two ranks meta-initialise as one of twice the batch. Run as a script, this file is one such rank."""
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel
from torch import distributed as dist
from torch import nn

from mmfusenas.engine.loops import MetaInitLoop
from mmfusenas.nas.hypergrad.vectors import average


class Cubic(BaseModel):
    """Squared error of a network whose curvature depends on its weights."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()

    def forward(self, inputs, data_samples=None, mode='loss'):
        return dict(loss=(self.net(inputs)[:, 0] - data_samples).square().mean())


def gradients(part, second_order):
    """f and its gradient for omega after two steps, of the rows ``part`` of every batch."""
    loop = MetaInitLoop.__new__(MetaInitLoop)
    loop.inner_optimizer, loop.outer_loss = dict(type='SGD', lr=0.1), None
    generator = torch.Generator().manual_seed(1)
    model = Cubic()
    weights = dict(model.named_parameters())
    batches = [dict(inputs=torch.randn(6, 3, generator=generator).double()[part],
                    data_samples=torch.randn(6, generator=generator).double()[part]) for _ in range(3)]
    _, grads = (loop._through_the_steps if second_order else loop._at_the_end)(model, weights, batches)
    return average(grads, list(weights.values()))


@pytest.fixture(scope='module')
def ranks(tmp_path_factory, ended):
    folder = tmp_path_factory.mktemp('ranks')
    processes = [subprocess.Popen([sys.executable, __file__, str(rank), str(folder)], stderr=subprocess.PIPE, text=True)
                 for rank in range(2)]
    for process in processes:
        ended(process)
    return [torch.load(folder / f'{rank}.pth') for rank in range(2)]


@pytest.mark.parametrize('second_order', [True, False])
def test_two_ranks_equal_one_with_twice_the_batch(ranks, second_order):
    expected = gradients(slice(None), second_order)
    for rank in ranks:
        torch.testing.assert_close(rank[second_order], expected)


if __name__ == '__main__':
    torch.set_num_threads(1)
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    dist.init_process_group('gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=2)
    part = slice(3 * rank, 3 * rank + 3)
    torch.save({second_order: gradients(part, second_order) for second_order in (True, False)}, folder / f'{rank}.pth')
    dist.destroy_process_group()
