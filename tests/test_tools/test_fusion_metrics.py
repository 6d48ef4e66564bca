"""The tool that scores folders of fused images."""
import json

import cv2
import numpy as np
import pytest

from mmfusenas.evaluation.suite import CDDFUSE_METRICS, DEFAULT_METRICS, compute_scores, grey_levels, grey_tensor


@pytest.fixture
def run(run_tool, capsys):
    """Run the tool; return how it ends and what it printed."""
    return lambda *arguments: (run_tool('analysis_tools/fusion_metrics', *arguments), capsys.readouterr().out)


@pytest.fixture
def folders(tmp_path):
    """Three pairs, colour and grey, their average and the visible image as a second method."""
    generator = np.random.default_rng(0)
    for k in range(3):
        visible = cv2.GaussianBlur(generator.integers(0, 256, (44, 52, 3), np.uint8), (0, 0), 1)
        infrared = cv2.GaussianBlur(generator.integers(0, 256, (44, 52), np.uint8), (0, 0), 2)
        average = ((visible.astype(int) + infrared[..., None]) // 2).astype(np.uint8)
        for folder, image in (('vi', visible), ('ir', infrared), ('average', average), ('copy', visible)):
            (tmp_path / folder).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / folder / f'{k}.png'), image)
    return tmp_path


def sources(folders):
    return '--visible', folders / 'vi', '--infrared', folders / 'ir'


def test_several_methods_side_by_side(run, folders):
    end, out = run(*sources(folders), '--fused', folders / 'average', f'visible={folders / "copy"}',
                   '--json', folders / 'out.json', '--plot', folders / 'out.png')
    assert end == ''
    found = json.loads((folders / 'out.json').read_text())
    assert found['value_range'] == [0, 255] and list(found['methods']) == ['average', 'visible']
    assert (found['convention'], found['images']) == ('mmfusenas', 3)
    for name, method in found['methods'].items():
        assert list(method['mean']) == list(DEFAULT_METRICS) and list(method['per_image']) == ['0', '1', '2']
        for stem, scores in method['per_image'].items():
            folder = 'copy' if name == 'visible' else name
            triplet = [grey_tensor(cv2.imread(str(folders / part / f'{stem}.png'), cv2.IMREAD_UNCHANGED))
                       for part in (folder, 'vi', 'ir')]
            assert scores == pytest.approx({
                key: value.item() for key, value in compute_scores(scores, *triplet).items()})
        assert method['mean']['MI'] == pytest.approx(np.mean([s['MI'] for s in method['per_image'].values()]))
    copied, mean = (next(line for line in out.splitlines() if line.startswith(f'| {name}'))
                    for name in ('visible', 'average'))
    assert f'{found["methods"]["visible"]["mean"]["MI"]:.4f} *' in copied and '*' not in mean.split('|')[2]
    assert cv2.imread(str(folders / 'out.png')).shape[1] > 1000
    assert 'next' in out


def test_a_published_convention(run, folders):
    end, out = run(*sources(folders), '--fused', folders / 'average', '--convention', 'cddfuse', '--json',
                   folders / 'out.json')
    assert end == '' and 'Convention cddfuse: luma (BT.601), whole numbers, values in 0-255, means of 3 images' in out
    found = json.loads((folders / 'out.json').read_text())
    assert (found['convention'], found['channel'], found['images']) == ('cddfuse', 'luma (BT.601), whole numbers', 3)
    got = found['methods']['average']['per_image']['1']
    triplet = [grey_levels(cv2.imread(str(folders / part / '1.png'))) for part in ('average', 'vi', 'ir')]
    assert got == pytest.approx({key: compute_scores([key], *triplet, metrics=CDDFUSE_METRICS)[key].item()
                                 for key in ('EN', 'SD', 'SF', 'MI', 'SCD', 'VIF', 'Qabf', 'SSIM')}, abs=1e-12)
    end, _ = run(*sources(folders), '--fused', folders / 'average', '--convention', 'cddfuse', '--metrics', 'FMI')
    assert "no fusion metric 'FMI'" in end and 'There are EN, SD' in end


def test_lower_is_better_for_artefacts(run, folders):
    end, out = run(*sources(folders), '--fused', folders / 'average', folders / 'copy', '--metrics', 'Nabf')
    assert end == '' and 'Nabf (lower is better)' in out
    rows = [line for line in out.splitlines() if line.startswith(('| average', '| copy'))]
    values = [float(row.split('|')[2].split()[0]) for row in rows]
    assert ('*' in rows[0]) == (values[0] < values[1])


@pytest.mark.parametrize(('change', 'message'), [
    (lambda f: (f / 'average/1.png').unlink(), '1.png'),
    (lambda f: cv2.imwrite(str(f / 'average/1.png'), np.zeros((40, 52), np.uint8)), '52 x 40'),
    (lambda f: (f / 'average/1.png').write_bytes(b'no image'), 'cannot be decoded')])
def test_what_does_not_fit_is_one_clear_line(run, folders, change, message):
    change(folders)
    end, _ = run(*sources(folders), '--fused', folders / 'average', '--json', folders / 'out.json')
    assert end.startswith('error:') and message in end
    assert not (folders / 'out.json').exists()


def test_two_methods_of_one_name_and_an_unknown_metric(run, folders):
    end, _ = run(*sources(folders), '--fused', folders / 'copy', f'copy={folders / "average"}')
    assert 'NAME=PATH' in end
    end, _ = run(*sources(folders), '--fused', folders / 'copy', '--metrics', 'VFI')
    assert "'VFI'; the nearest is 'VIF'" in end


def test_outputs_are_looked_at_before_the_work(run, folders):
    command = (*sources(folders), '--fused', folders / 'average')
    for outputs, message in ((('--plot', folders / 'a.xyz'), 'ends in .png, .pdf, .svg'),
                             (('--json', folders), 'is a folder')):
        end, printed = run(*command, *outputs)
        assert message in end and not printed
    assert run(*command, '--metrics', 'EN', '--plot', folders / 'new/a.png')[0] == ''
    assert (folders / 'new/a.png').is_file()
