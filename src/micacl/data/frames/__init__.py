"""Decodes the frames of clips, from video files and folders of images; `decoders` chooses the decoders of a run."""
