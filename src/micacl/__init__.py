"""MICACL: multi-instance category-aware contrastive learning for long-tailed dynamic facial expression recognition."""

__version__ = "0.1.0"
