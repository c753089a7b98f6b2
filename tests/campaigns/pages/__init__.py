"""Documents beside our pages of them: every word, every value under its heading, every PDF page as in its original."""
