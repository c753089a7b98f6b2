"""Consents drawn at random, judged twice: by the product, and by an evaluator that shares nothing with it."""
