"""Quality: what the refund rate is, what it will be, what moved it, and what to do."""
