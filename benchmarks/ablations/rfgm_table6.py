"""RFGM, table 6: how many tokens the memory holds. One training, four trackers.

Run: python benchmarks/ablations/rfgm_table6.py --data DIR --eval lasot=DIR --out OUT
"""

from study import Study, Variant, main

# Tokens, and the paper's AUC, normalised precision and precision on LaSOT.
ROWS = (
    (64, (69.0, 80.1, 74.0)),
    (192, (70.3, 82.0, 76.4)),
    (256, (69.6, 81.5, 75.6)),
    (448, (69.5, 81.3, 75.6)),
)
STUDY = Study(
    name='rfgm_table6',
    title='RFGM, table 6: memory size',
    config='rfgm_ablation.yaml',
    variants=[
        Variant(
            label=f'{size} tokens', tracking=['--memory-size', str(size)], paper={'lasot': lasot}
        )
        for size, lasot in ROWS
    ],
)


if __name__ == '__main__':
    main(STUDY, __doc__)
