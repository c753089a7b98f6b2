"""Verbs and answers drawn at random, looking for a case that nothing leads on."""
