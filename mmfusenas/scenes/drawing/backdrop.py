"""Background of a scene: sky, skyline, house fronts and hedges."""

from __future__ import annotations

import numpy as np

from .frame import BUILDING, PLANTS, Frame, centres, planes
from .ground import paint_ground
from .street import FAR, Side, Street
from .textures import sample_noise
from .weather import Weather

_HILL_DEPTH = 150.0


def paint_backdrop(frame: Frame, street: Street, weather: Weather) -> None:
    """Paint sky, skyline, the ground and both sides of the street into ``frame``, in this order."""
    _paint_sky(frame, street, weather)
    _paint_hills(frame, street, weather)
    paint_ground(frame, street, weather)
    for side, sign in ((street.left, -1), (street.right, 1)):
        _paint_side(frame, street, weather, side, sign)


def _paint_sky(frame: Frame, street: Street, weather: Weather) -> None:
    """Paint a gradient and clouds; in infrared a clear sky is cold, and clouds are less so."""
    height, width = frame.depth.shape
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    columns = np.arange(width, dtype=np.float32)[None] / height
    u, v = columns * 160 + street.texture[0], rows * 420 + street.texture[1]
    clouds = np.clip(sample_noise(4, u, v) * 2 + 0.3, 0, 1)
    if weather.sun == 0:  # overcast, fog or night
        clouds = np.maximum(clouds * np.float32(0.4), np.float32(0.7))
    low = rows / street.camera.horizon
    for channel, (zenith, rim) in enumerate(((225, 235), (165, 215), (110, 200))):
        clear = zenith + (rim - zenith) * low
        frame.paint[channel] = clear + (225 - clear) * clouds * np.float32(0.8)
    frame.paint[3] = 255 * (weather.sky + (0.4 * weather.plants) * low * low + 0.06 * clouds)
    frame.glow[:] = 3 * weather.ambient if weather.dark else 0.9


def _paint_hills(frame: Frame, street: Street, weather: Weather) -> None:
    """Paint the skyline: far houses or woods, a step for each of its heights."""
    height, width = frame.depth.shape
    column, row = street.camera.vanishing
    place = (np.arange(width) + 0.5 - column) / height
    tops = street.hills[(np.floor(place * 24).astype(int) + 32) % 64]
    rows = slice(
        max(int(row - street.hills.max() * height), 0), int(row + street.camera.focal * street.camera.eye / FAR) + 2
    )
    mask = centres(height)[rows, None] > row - tops[None] * height
    woods = street.hills[0] > 0.07
    colour = (70, 95, 75) if woods else (150, 140, 135)
    grain = 1 + 0.25 * sample_noise(
        32, centres(height)[rows, None] * (400 / height), place[None].astype(np.float32) * 400
    )
    heat = 255 * (weather.plants if woods else weather.wall)
    frame.fill(
        (rows, slice(None)),
        mask,
        paint=planes(*colour, heat) * grain,
        depth=_HILL_DEPTH,
        glow=0,
        semantic=PLANTS if woods else BUILDING,
    )


def _paint_side(frame: Frame, street: Street, weather: Weather, side: Side, sign: int) -> None:
    """Paint the house fronts or hedges of one side: a plane that runs along the street."""
    camera = street.camera
    column, row = camera.vanishing
    across = sign * (np.arange(frame.depth.shape[1]) + 0.5 - column) / camera.focal
    inside = np.flatnonzero(across > side.wall / FAR)
    if not len(inside):
        return
    columns = slice(inside[0], inside[-1] + 1)
    z = (side.wall / across[columns]).astype(np.float32)
    y = camera.eye + (row - centres(frame.depth.shape[0])[:, None]) * (z / np.float32(camera.focal))
    lot = np.searchsorted(side.ends, z)
    paint, glow = (_hedge if side.kind == 'park' else _house)(street, weather, side, z, y, lot)
    tops = side.tops[lot] + (sample_noise(64, z * 30, z * 0) if side.kind == 'park' else 0)
    frame.fill(
        (slice(None), columns),
        (y > 0) & (y < tops),
        paint=paint,
        glow=glow,
        depth=z,
        sun=float(sign * weather.shade[0] > 0),
        semantic=PLANTS if side.kind == 'park' else BUILDING,
    )


def _hedge(
    street: Street, weather: Weather, side: Side, z: np.ndarray, y: np.ndarray, lot: np.ndarray
) -> tuple[np.ndarray, np.ndarray | np.float32]:
    """Return paint and glow of leaves."""
    leaves = sample_noise(32, z[None] * 24 + street.texture[0], y * 40)
    return planes(40, 88, 62, 255 * weather.plants) * (1 + np.float32(0.45) * leaves), np.float32(0)


def _house(
    street: Street, weather: Weather, side: Side, z: np.ndarray, y: np.ndarray, lot: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return paint and glow of house fronts: plaster, windows that are opaque to infrared, lit ones in the dark."""
    across, up = z / np.float32(side.pitch[0]), y / np.float32(side.pitch[1])
    cell_x, cell_y = np.floor(across), np.floor(up)
    shop = cell_y == 0
    pane = (np.abs(across - cell_x - 0.5) < 0.29) & (np.abs(up - cell_y - 0.52) < np.where(shop, 0.38, 0.26))
    sharp = np.clip(street.camera.focal * side.wall * side.pitch[0] / (5 * z * z), 0, 1)  # no pattern finer than pixels
    pane = (pane & (y < side.tops[lot] - 0.5)) * sharp.astype(np.float32)
    plaster = 1 + np.float32(0.16) * sample_noise(16, z[None] * 12 + street.texture[1], y * 16)
    warmth = 255 * (weather.wall + (lot[:, None] % 3 - 1) * 0.03)
    wall = np.concatenate([side.paints[lot], warmth], axis=1).T.astype(np.float32)[:, None]
    lit = side.lit[(cell_y.astype(int) * 5 + lot) & 15, cell_x.astype(int) & 15] & weather.dark
    dim, bright = planes(88, 76, 64, 255 * (weather.wall - 0.07)), planes(150, 215, 255, 255 * (weather.wall + 0.06))
    paint = wall * plaster
    paint += ((dim + (bright - dim) * lit) - paint) * pane
    return paint, np.float32(0.30) * lit * pane
