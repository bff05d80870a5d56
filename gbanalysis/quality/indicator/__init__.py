"""What the refund rate is, in each of its calibers."""
