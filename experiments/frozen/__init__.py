"""Trainings on the features of a backbone, frozen but for its last stage or as a whole, that all settings share."""
