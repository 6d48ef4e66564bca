# Sensors that fail in training, by FAILURES in the environment. other: in four pairs of ten the image of one sensor is
# that of the other; mixed: one sensor of four pairs in ten fails, in one of six ways.
kinds = dict(
    none=[], other=[dict(type='SensorFailure', failure='other', prob=0.4)],
    mixed=[dict(type='SensorFailure', failure=failure, amount=amount, prob=prob) for failure, amount, prob in (
        ('other', 1.0, 0.08), ('black', 1.0, 0.08), ('gain', (0.05, 0.3), 0.05), ('gain', (2.0, 6.0), 0.05),
        ('noise', (0.02, 0.15), 0.1), ('shift', (5.0, 40.0), 0.06))])
if '{{$FAILURES:none}}' not in kinds:
    raise ValueError(f'FAILURES={"{{$FAILURES:none}}"} of the environment: it is {", ".join(kinds)}.')
failures = kinds.pop('{{$FAILURES:none}}')
del kinds
