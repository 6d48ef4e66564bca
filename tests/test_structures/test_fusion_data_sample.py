import numpy as np
import pytest

from mmfusenas.structures import FusionDataSample, predicted_image

IMAGE = np.zeros((4, 6, 3), np.uint8)


@pytest.mark.parametrize('value', [IMAGE.astype(np.float32), IMAGE[..., 0], IMAGE.tolist()])
def test_an_image_of_another_kind_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match='H x W x 3 of uint8'):
        FusionDataSample().pred_img = value


def test_the_name_of_the_release_before_still_works() -> None:
    sample = FusionDataSample()
    with pytest.warns(FutureWarning, match='fused_img is called pred_img'):
        sample.fused_img = IMAGE
    assert sample.pred_img is IMAGE
    with pytest.warns(FutureWarning, match='pred_img'):
        assert sample.fused_img is IMAGE
    with pytest.warns(FutureWarning, match='pred_img'):
        assert predicted_image(dict(fused_img=IMAGE)) is IMAGE
    assert predicted_image(dict(pred_img=IMAGE, fused_img=None)) is IMAGE
