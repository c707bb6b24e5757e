"""Trainings on the features of a frozen backbone that all settings share."""
