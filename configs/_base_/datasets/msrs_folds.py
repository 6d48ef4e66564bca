# What of MSRS is trained and tested on: its folders `train` and `test`, or by FOLD=K/N in the environment the fold K,
# from 0, of a cross-validation of N folds over both. The numbers of MSRS's frames run in steps of 4 or 5 through one
# drive by day and one by night; what is 16 apart looks no more alike than any two frames.
_base_ = './failures.py'
msrs_root = '{{$MSRS_ROOT:data/msrs}}'
fold = '{{$FOLD:none}}'
if fold == 'none':
    subsets = {part: dict(folders=[part], kfold=None) for part in ('train', 'test')}
else:
    number, n_splits = (int(word) for word in fold.split('/'))
    subsets = {part: dict(folders=['train', 'test'], kfold=dict(
        fold=number, n_splits=n_splits, subset=part, gap=16, block=20)) for part in ('train', 'test')}
