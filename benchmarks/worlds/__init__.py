"""Generators of the worlds that estimators are judged on; they share no code with the estimators."""
