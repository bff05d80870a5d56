"""What moved the refund rate between two periods, and who."""
