"""Where the refund rate moved beyond what moved around it."""
