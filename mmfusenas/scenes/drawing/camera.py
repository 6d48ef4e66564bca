"""A pinhole camera over flat ground: X to the right, Y up from the ground, Z ahead, all in metres."""

from __future__ import annotations

from dataclasses import dataclass

FOCAL = 1.5  # focal length in image heights: a vertical view of 37 degrees
ASPECT = 1.25  # width over height for which scenes are laid out; another shape sees less or more at the sides


@dataclass(frozen=True)
class Camera:
    """Where the camera stands and looks, and the size of its image.

    Attributes:
        eye: Height of the camera over the ground in metres.
        horizon: Row of the horizon in image heights.
        aside: Column of the vanishing point right of the centre, in image heights.
        size: Rows and columns of the image in pixels.
    """

    eye: float
    horizon: float
    aside: float
    size: tuple[int, int]

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return FOCAL * self.size[0]

    @property
    def vanishing(self) -> tuple[float, float]:
        """Column and row of the point where the street meets the horizon, in pixels."""
        height, width = self.size
        return width / 2 + self.aside * height, self.horizon * height

    def column_to_side(self, column: float, z: float) -> float:
        """Return X of what is seen at distance ``z`` in a column given in image heights from the centre."""
        return (column - self.aside) * z / FOCAL
