"""HiT, table 7: LeViT-384 or PVT-Small as the backbone. Two trainings.

    python benchmarks/ablations/hit_table7.py --data DIR --eval lasot=DIR --out OUT

The paper's speeds are of other machines; the column of frames per second is measured here.
"""

from study import Study, Variant, main

STUDY = Study(
    name='hit_table7',
    title='HiT, table 7: backbones',
    config='hit_ablation.yaml',
    note='PVT-Small always starts from random weights: those of ImageNet are not read for it.',
    variants=[
        Variant(
            label='LeViT-384',
            training={'model': 'hit_base'},
            paper={'lasot': [63.7], 'trackingnet': [78.9], 'got10k_test': [65.4]},
        ),
        Variant(
            label='PVT-Small',
            training={'model': 'hit_pvt', 'backbone': ''},
            paper={'lasot': [63.9], 'trackingnet': [78.4], 'got10k_test': [64.8]},
        ),
    ],
)


if __name__ == '__main__':
    main(STUDY, __doc__)
