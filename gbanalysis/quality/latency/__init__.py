"""What the refund rate of open days will be, and how late refunds are asked for."""
