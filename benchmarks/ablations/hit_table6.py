"""HiT, table 6: how the positions of both images are encoded. Five trainings.

Run: python benchmarks/ablations/hit_table6.py --data DIR --eval lasot=DIR --out OUT
"""

from study import Study, Variant, main

# The paper's name, ours, and its AUC on LaSOT and TrackingNet and AO on GOT-10k.
ROWS = (
    ('DI', 'diagonal', 63.7, 78.9, 65.4),
    ('Abs', 'absolute', 60.2, 77.2, 61.2),
    ('Sep', 'separate', 62.4, 77.6, 63.1),
    ('Ver', 'vertical', 61.1, 78.4, 63.5),
    ('Hor', 'horizontal', 61.0, 78.5, 63.7),
)
STUDY = Study(
    name='hit_table6',
    title='HiT, table 6: position encoding',
    config='hit_ablation.yaml',
    note="Abs always starts from random weights: LeViT's are not read for it.",
    variants=[
        Variant(
            label=name,
            training={'position_encoding': encoding} | ({'backbone': ''} if name == 'Abs' else {}),
            paper={'lasot': [lasot], 'trackingnet': [trackingnet], 'got10k_test': [got10k]},
        )
        for name, encoding, lasot, trackingnet, got10k in ROWS
    ],
)


if __name__ == '__main__':
    main(STUDY, __doc__)
