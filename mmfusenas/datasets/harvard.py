"""Medical pairs of Harvard's Whole Brain Atlas."""
from __future__ import annotations

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS

MODALITIES = ('ct', 'pet', 'spect')


@DATASETS.register_module()
class HarvardDataset(PairDataset):
    """Slices of Harvard's Whole Brain Atlas (Johnson and Becker): MRI with CT, PET or SPECT, 256 x 256, in register.

    Layout: ``mri_{ct,pet,spect}/{train,test}/{mri,ct|pet|spect}``. The functional image takes the place of the
    visible one, since PET and SPECT are coloured and their colour is kept; the MRI takes that of the infrared one.
    Releases with other folder names (``PET-MRI/train/PET``) are read by ``data_prefix``.

    Other arguments and errors as of :class:`PairDataset`.

    Args:
        modality: ``'ct'``, ``'pet'`` or ``'spect'``.
        subset: ``'train'`` or ``'test'``.
        data_prefix: As of :class:`PairDataset`; None is the layout above.

    Raises:
        ValueError: On another modality or subset.

    Example:
        >>> HarvardDataset('pet', data_root='data/harvard', lazy_init=True).data_prefix['img']
        'data/harvard/mri_pet/train/pet'
    """

    def __init__(self, modality: str, subset: str = 'train', data_prefix: dict | None = None, **kwargs) -> None:
        if modality not in MODALITIES:
            raise InputError(f'HarvardDataset got modality={modality!r}; it knows {MODALITIES}.')
        if subset not in ('train', 'test'):
            raise InputError(f"HarvardDataset got subset={subset!r}; it knows 'train' and 'test'.")
        folder = f'mri_{modality}/{subset}'
        published = dict(img=f'{folder}/{modality}', infrared=f'{folder}/mri')
        super().__init__(data_prefix=data_prefix or published, **kwargs)
