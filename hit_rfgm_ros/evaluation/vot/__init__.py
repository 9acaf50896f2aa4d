"""VOT challenges by the official toolkit: it runs the experiments and scores them, we track."""
