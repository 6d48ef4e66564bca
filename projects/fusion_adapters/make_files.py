"""Write the two files that the examples read: ``python projects/fusion_adapters/make_files.py FOLDER``."""
import sys
from pathlib import Path

import torch
from onnx_network import write_onnx
from torch_network import local_contrast_weights

if __name__ == '__main__':
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=local_contrast_weights()), folder / 'weighing.pth')
    write_onnx(str(folder / 'two_scale.onnx'))
    print(f'{folder / "weighing.pth"}, {folder / "two_scale.onnx"}')
