"""How a command ends; `transfer/cli/__init__.py` tells what each means, and each command when it comes."""

NEGATIVE, NOT_UNDERSTOOD, UNDECIDED, UNAVAILABLE, MISTAKE, INTERRUPTED = 1, 2, 4, 5, 70, 130
