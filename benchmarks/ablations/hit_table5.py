"""HiT, table 5: which stages the bridge joins. Seven trainings.

Run: python benchmarks/ablations/hit_table5.py --data DIR --eval lasot=DIR --out OUT
"""

from study import Study, Variant, main

# Stages, and the paper's AUC on LaSOT and TrackingNet and AO on GOT-10k.
ROWS = (
    (('max', 'mid', 'min'), 63.7, 78.9, 65.4),
    (('max',), 62.1, 78.3, 63.4),
    (('mid',), 61.9, 78.1, 64.1),
    (('min',), 57.9, 73.0, 62.1),
    (('max', 'mid'), 62.6, 78.7, 63.0),
    (('max', 'min'), 58.8, 77.2, 60.4),
    (('mid', 'min'), 60.3, 78.4, 63.6),
)
STUDY = Study(
    name='hit_table5',
    title='HiT, table 5: stages joined by the bridge',
    config='hit_ablation.yaml',
    variants=[
        Variant(
            label=', '.join(stages),
            training={'bridge_stages': list(stages)},
            paper={'lasot': [lasot], 'trackingnet': [trackingnet], 'got10k_test': [got10k]},
        )
        for stages, lasot, trackingnet, got10k in ROWS
    ],
)


if __name__ == '__main__':
    main(STUDY, __doc__)
