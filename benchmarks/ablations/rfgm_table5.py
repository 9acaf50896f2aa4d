"""RFGM, table 5: plain or relevance attention in the encoder. One training, two trackers.

Run: python benchmarks/ablations/rfgm_table5.py --data DIR --eval lasot=DIR --out OUT
"""

from study import Study, Variant, main

# The memory's filter needs the ranker of layer 4, so plain attention means tracking without
# relevance stages with a network that was trained with them.
STUDY = Study(
    name='rfgm_table5',
    title='RFGM, table 5: attention in the encoder',
    config='rfgm_ablation.yaml',
    variants=[
        Variant(
            label='Attention',
            tracking=['--memory-kind', 'gr', '--relevance-stages', '0'],
            stages=0,
            paper={
                'trackingnet': [84.5, 89.3, 83.7],
                'got10k_test': [73.9, 84.1, 72.6],
                'lasot': [69.8, 81.3, 75.7],
            },
        ),
        Variant(
            label='Relevance attention',
            tracking=['--memory-kind', 'gr', '--relevance-stages', '3'],
            stages=3,
            paper={
                'trackingnet': [84.7, 89.6, 83.6],
                'got10k_test': [74.1, 84.6, 71.8],
                'lasot': [70.3, 82.0, 76.4],
            },
        ),
    ],
)


if __name__ == '__main__':
    main(STUDY, __doc__)
