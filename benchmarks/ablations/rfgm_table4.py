"""RFGM, table 4: what the memory keeps. One training, four trackers.

Run: python benchmarks/ablations/rfgm_table4.py --data DIR --eval lasot=DIR --out OUT
"""

from study import Study, Variant, main

# The paper's name, ours, and its figures on TrackingNet, GOT-10k and LaSOT.
ROWS = (
    ('One template', 'none', (84.0, 88.2, 82.5), (70.4, 80.0, 66.3), (69.0, 80.1, 74.0)),
    ('Memory', 'fifo', (84.5, 88.8, 82.65), (71.9, 82.0, 69.4), (64.5, 73.9, 68.2)),
    ('Score memory', 'score', (84.6, 88.9, 82.7), (74.3, 84.0, 70.8), (69.7, 81.5, 76.2)),
    ('GR memory', 'gr', (84.7, 89.6, 83.6), (74.1, 84.6, 71.8), (70.3, 82.0, 76.4)),
)
STUDY = Study(
    name='rfgm_table4',
    title='RFGM, table 4: kinds of memory',
    config='rfgm_ablation.yaml',
    variants=[
        Variant(
            label=name,
            tracking=['--memory-kind', kind],
            paper={'trackingnet': trackingnet, 'got10k_test': got10k, 'lasot': lasot},
        )
        for name, kind, trackingnet, got10k, lasot in ROWS
    ],
)


if __name__ == '__main__':
    main(STUDY, __doc__)
