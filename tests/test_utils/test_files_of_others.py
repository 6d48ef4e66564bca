"""Files of others: no part, read or size beyond what they are for. Beside ``test_tools/test_untrusted_files.py``."""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from mmfusenas.apis.loading import load_model
from mmfusenas.core.errors import InputError, UserError
from mmfusenas.datasets.coco_layout import check_coco
from mmfusenas.utils import mat_file
from mmfusenas.utils.config_files import config_from

FUSION = dict(type='TIMFusion', genotype='tim-light')


def checkpoint(path: Path, model_cfg: object) -> str:
    weights = load_model('tim-light').state_dict()
    torch.save(dict(state_dict=weights, meta=dict(model_cfg=json.dumps(model_cfg))), path)
    return str(path)


def test_a_model_of_a_file_is_built_within_the_memory_of_its_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='asks for more than'):
        load_model(checkpoint(tmp_path / 'a.pth', dict(FUSION, channels=20_000)))


def test_a_checkpoint_names_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / 'secret.json'
    secret.write_text('{}')
    with pytest.raises(InputError, match="genotype '.*secret.json' in genotype.*no other file is read"):
        load_model(checkpoint(tmp_path / 'a.pth', dict(FUSION, genotype=str(secret))))


@pytest.mark.parametrize('model_cfg', [[1], dict(FUSION, no_such=1), dict(FUSION, channels='many')])
def test_a_config_in_a_checkpoint_that_is_none_is_one_message(model_cfg: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match='a.pth'):
        load_model(checkpoint(tmp_path / 'a.pth', model_cfg))


LAUGHS = 'a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n' + ''.join(
    f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 10)}]\n' for i in range(1, 9))


@pytest.mark.parametrize('text', [LAUGHS, 'a: &a [*a]\n'])
def test_aliases_of_yaml_are_counted(text: str, tmp_path: Path) -> None:
    (tmp_path / 'a.yaml').write_text(text)
    with pytest.raises(ValueError, match='more than 100,000 values'):
        config_from(str(tmp_path / 'a.yaml'))


def test_a_yaml_config_is_the_first_file_of_a_process(tmp_path: Path) -> None:
    """Its parts are looked up while packages register more of them."""
    (tmp_path / 'a.yaml').write_text('a: &a {x: 1}\nb: *a\n')
    code = 'import sys; from mmfusenas.utils.config_files import config_from; print(config_from(sys.argv[1]).b.x)'
    done = subprocess.run([sys.executable, '-c', code, tmp_path / 'a.yaml'], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ['1'], done.stderr[-2000:]  # mmdet's fork prints what it lacks before


def test_a_mat_file_states_sizes_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    savemat(tmp_path / 'a.mat', dict(x=np.ones((4, 5)), y=1.0))
    assert mat_file.read_mat(tmp_path / 'a.mat', ['x'])['x'].shape == (4, 5)
    monkeypatch.setattr(mat_file, 'MOST_VALUES', 19)
    with pytest.raises(UserError, match=r'x is \(4, 5\)'):
        mat_file.read_mat(tmp_path / 'a.mat', ['x'])
    with pytest.raises(UserError, match="lacks z; it holds .'x', 'y'."):
        mat_file.read_mat(tmp_path / 'a.mat', ['z'])


@pytest.mark.parametrize('name', ['/etc/passwd', '../a.png', 'a/../../b.png'])
@pytest.mark.parametrize('key', ['file_name', 'file_name_infrared', 'file_name2'])
def test_a_coco_file_names_images_below_their_folder(key: str, name: str) -> None:
    entry = dict(dict(id=1, file_name='a.png', height=4, width=4), **{key: name})
    wrong = check_coco(dict(images=[entry], annotations=[], categories=[]), 'x.json')
    assert len(wrong) == 1 and f"{key} is '{name}'" in wrong[0].message
