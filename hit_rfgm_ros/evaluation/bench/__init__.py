"""How fast this machine is with our models, and whether that changed."""
