"""Every config is free of typos, short, and says what it is."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfusenas.utils.config_check import check_config

CONFIGS = sorted((Path(__file__).parent.parent.parent / 'configs').glob('[!_]*/*.py'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_config_is_clean_and_short(path):
    check_config(Config.fromfile(path))
    assert len(path.read_text().splitlines()) <= 25
    assert path.read_text().startswith('# ')
