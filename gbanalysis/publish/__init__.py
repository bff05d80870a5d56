"""Turns the pages of the book into the published book: execute, render, swap."""
