"""What to do about refunds: actions, scorecards, sampling plans and alerts."""
