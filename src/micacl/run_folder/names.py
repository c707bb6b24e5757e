"""Names what other rooms write into a run folder: the figures (`reporting`), the checkpoints (`training`), the lock."""

CONFUSION_MATRIX_FILE = "confusion_matrix.png"
TSNE_FILE = "tsne.png"
ADJACENCY_FILE = "adjacency.png"
INSTANCE_WEIGHTS_FILE = "instance_weights.png"

CHECKPOINTS_FOLDER = "checkpoints"

LOCK_FILE = ".lock"
