"""Who asks for refunds without a cause, and what flagging them would cost."""
