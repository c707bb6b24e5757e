"""Sets the strength of everything that has nothing to do with the expression, which makes the task easier or harder.

Nothing here depends on the class, the fold or the length of the clip.
"""

# Head pose: standard deviations of a clip's mean pose, and of its slow drift within the clip.
YAW_SPREAD = 0.05  # radians
PITCH_SPREAD = 0.03
ROLL_SPREAD = 0.03
SCALE_SPREAD = 0.02  # relative
SHIFT_SPREAD = 0.015  # face units; half of the frame is 0.78
POSE_DRIFT = 0.3  # drift relative to the spreads above
GAZE_SPREAD = 0.03  # face units

# A hand-held camera trembles in some clips.
SHAKE_PROBABILITY = 0.15
SHAKE_PIXELS = 0.006  # of the frame's size, standard deviation from frame to frame

# Light: overall brightness, how one-sided it is, its colour, a slow change within the clip.
BRIGHTNESS = (0.85, 1.05)
LIGHT_GRADIENT = 0.15
LIGHT_TINT = 0.035
LIGHT_DRIFT = 0.03

# Picture quality: softness in pixels per 96 pixels of frame, sensor noise in grey levels.
BLUR_PROBABILITY = 0.3
BLUR_SIGMA = (0.4, 1.0)
SENSOR_NOISE = (1.0, 4.0)

# Something covers a part of the frame: a hand, a microphone, a box, the bars of a letterbox.
OCCLUSION_PROBABILITY = 0.08
OCCLUSION_SHARE = (0.3, 0.8)  # of the clip's frames

# Frames that are lost or spoilt: black, static, smeared, or the last good one again.
NOISE_FRAME_PROBABILITY = 0.08  # of clips
NOISE_FRAME_SHARE = (0.05, 0.2)  # of such a clip's frames
