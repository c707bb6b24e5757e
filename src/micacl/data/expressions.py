"""The seven expressions and their order, which is the order of every label, table and matrix in this project."""

CLASS_NAMES = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
