"""RFGM, table 7: relevance stages. One training, four trackers; multiply-adds counted.

    python benchmarks/ablations/rfgm_table7.py --data DIR --eval lasot=DIR --out OUT

The paper gives 40.00, 39.63, 38.85, 37.66 GMAC and 92.12, 92.20, 92.27, 92.35 M parameters, cut
after two digits, and no accuracy.
"""

from study import Study, Variant, main

NAMES = ('w/o', '1 stage', '2 stages', '3 stages')
STUDY = Study(
    name='rfgm_table7',
    title='RFGM, table 7: cost of relevance attention',
    config='rfgm_ablation.yaml',
    variants=[
        Variant(label=name, tracking=['--relevance-stages', str(stages)], stages=stages)
        for stages, name in enumerate(NAMES)
    ],
)


if __name__ == '__main__':
    main(STUDY, __doc__)
