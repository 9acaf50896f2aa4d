"""Training: from pictures to weights. Needs torch; nothing that runs on a robot imports it."""
