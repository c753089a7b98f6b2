"""The verbs: what happens to a case, one module each, in the order in which it happens."""
