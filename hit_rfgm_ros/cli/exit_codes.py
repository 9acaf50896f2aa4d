"""Exit codes of ``hit-rfgm``; 0 is done."""

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130
