"""The tool writes a file that an inferencer takes, says what it gains, and refuses pairs of several cameras."""
import re

import cv2
import numpy as np
import pytest

from mmfusenas.datasets.homography import Homography
from mmfusenas.datasets.images import read_visible, write_image
from mmfusenas.scenes import SyntheticScenes


@pytest.fixture
def folders(tmp_path):
    """Ten drawn pairs, of which the infrared camera shows the middle, enlarged."""
    scenes = SyntheticScenes(length=10, size=(192, 256), seed=10)
    for index in range(10):
        info = scenes.get_data_info(index)
        write_image(tmp_path / f'vi/{index}.png', info['img'])
        write_image(tmp_path / f'ir/{index}.png', cv2.resize(info['infrared'][24:168, 32:224], (256, 192)))
    return ['--visible', tmp_path / 'vi', '--infrared', tmp_path / 'ir']


def test_the_file_and_the_figures(folders, tmp_path, run_tool, capsys):
    out, drawn = tmp_path / 'cameras.json', tmp_path / 'cameras.png'
    assert run_tool('analysis_tools/estimate_homography', *folders, '--out', out, '--show', drawn) == ''
    true = [[4 / 3, 0, -1 / 6], [0, 4 / 3, -1 / 8], [0, 0, 1]]
    np.testing.assert_allclose(Homography.load(out).matrix, true, atol=0.03)
    said = capsys.readouterr().out
    assert 'edges apart by a plain resize: too far to say' in said  # one shift does not bring them together
    found = float(re.search(r'edges apart by the homography: ([\d.]+) pixels', said)[1])
    assert found < 4 and f'--homography {out}' in said
    assert read_visible(str(drawn)).shape == (192, 512, 3)


def test_pairs_of_several_sizes(folders, tmp_path, run_tool):
    write_image(tmp_path / 'vi/3.png', np.zeros((50, 60, 3), np.uint8))
    assert 'are of several sizes' in run_tool(
        'analysis_tools/estimate_homography', *folders, '--out', tmp_path / 'cameras.json')
    assert not (tmp_path / 'cameras.json').exists()
