"""Programs of others: one module each."""
