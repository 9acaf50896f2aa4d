"""The memory of template tokens and when it is updated; numpy only, no network."""
