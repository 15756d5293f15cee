"""Where a picture begins to be called blank, dark, dull or blurred: absolute, so as to mean the same everywhere.

Measured on the picture brought to 48x48 grey, see `fer_core.data.looks`. The shares are those of FER2013.
"""

BLANK_CONTRAST = 1.2  # standard deviation of grey; 0.03 % lie below, none of them shows anything
LOW_CONTRAST = 12.0  # standard deviation of grey; no face of FER2013 lies below
DARK = 40.0  # mean grey of 255; 0.3 % lie below
BLURRED = 0.1  # variance of the Laplacian over that of grey; 0.1 % lie below
FLAT_SHARE = 0.64  # share of neighbouring pixels that are as good as equal; 0.2 % lie above, four of five no face
UNLIKE = 3.3  # robust standard deviations less like the rest than usual
LIKE_NOTHING = 0.4  # correlation with the most similar others; below it a picture is like nothing at all
